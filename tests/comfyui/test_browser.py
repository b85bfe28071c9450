"""Every example graph in ComfyUI's own interface, in a real browser: opened, converted by the interface, run and seen.

Needs the package playwright and a Chromium of the system (``SINDDM_RS_CHROMIUM`` names another); screenshots land in
the folder of ``SINDDM_RS_SCREENSHOTS``, if it is set.
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
CHROMIUM = os.environ.get("SINDDM_RS_CHROMIUM") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium; SINDDM_RS_CHROMIUM names it")

WORKFLOWS = Path(__file__).parents[2] / "workflows"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
LOAD = "graph => window.app.loadGraphData(graph)"
CONVERT = "async () => (await window.app.graphToPrompt()).output"
UNKNOWN = "() => window.app.graph._nodes.filter(node => node.has_errors || !node.constructor.nodeData).map(n => n.type)"
QUEUE = "() => window.app.queuePrompt(0)"
PREVIEWS = "() => window.app.graph._nodes.filter(node => node.imgs && node.imgs.length).map(node => node.type)"

Graph = dict[str, Any]


@pytest.fixture(scope="module")
def page(comfyui: ComfyUI) -> Iterator[Any]:
    """The interface of the running server, its first-use tour switched off."""
    settings = json.dumps({"Comfy.TutorialCompleted": True}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{comfyui.address}/settings", settings, headers)).close()
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        page = browser.new_page(viewport={"width": 1700, "height": 950})
        page.goto(comfyui.address)
        page.wait_for_function("() => window.app && window.app.graph && window.app.graphToPrompt", timeout=90_000)
        yield page
        browser.close()


def opened(page: Any, name: str) -> Graph:
    """The API graph that the interface makes of a UI graph which it has just opened."""
    page.evaluate(LOAD, json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8")))
    page.wait_for_timeout(500)
    converted: Graph = page.evaluate(CONVERT)
    return converted


def wired(graph: Graph) -> dict[str, tuple[str, Graph]]:
    # The interface sends what a text preview last showed along with the graph.
    return {
        key: (node["class_type"], {name: value for name, value in node["inputs"].items() if name != "preview"})
        for key, node in graph.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_interface_reads_a_graph_as_its_api_twin_says(page: Any, name: str, graph: Callable[[str], Graph]) -> None:
    assert wired(opened(page, name)) == wired(graph(name))
    assert [kind for kind in page.evaluate(UNKNOWN) if kind != "MarkdownNote"] == []
    photograph(page, name)


@pytest.mark.parametrize("name", ["full_image_edit", "train_and_edit"])
def test_a_graph_runs_from_the_interface_and_shows_its_edit(page: Any, name: str) -> None:
    opened(page, name)
    page.evaluate(QUEUE)
    page.wait_for_function(f"() => ({PREVIEWS})().includes('SaveImage')", timeout=180_000)
    page.wait_for_timeout(1500)
    photograph(page, f"{name}_done")


def photograph(page: Any, name: str) -> None:
    if folder := os.environ.get("SINDDM_RS_SCREENSHOTS"):
        # The canvas is moved and zoomed so that the whole graph is in view.
        page.evaluate(
            "() => window.app.canvas.ds && window.app.extensionManager?.command?.execute('Comfy.Canvas.FitView')"
        )
        page.wait_for_timeout(800)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
