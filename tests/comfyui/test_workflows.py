"""The pack inside a real ComfyUI: its nodes, and every example graph from its source to a saved picture."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfyui_sinddm_rs as pack
import numpy as np
import pytest
from numpy.typing import NDArray

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

NEED_A_CHECKPOINT = {"compare_with_stable_diffusion"}
GRAPHS = sorted(path.stem for path in (Path(__file__).parents[2] / "workflows" / "api").glob("*.json"))
RUNNING = [name for name in GRAPHS if name not in NEED_A_CHECKPOINT]
Graph = dict[str, Any]


def only(graph: Graph, kind: str) -> tuple[str, Graph]:
    """(id, node) of the graph's single node of a kind."""
    ((key, node),) = [(key, node) for key, node in graph.items() if node["class_type"] == kind]
    return key, node


def output_of(graph: Graph, comfyui: ComfyUI, kind: str, output: int) -> NDArray[np.uint8]:
    """One output of the graph's node of a kind as a picture, the edit left out if it is not needed for it."""
    key, _ = only(graph, kind)
    outputs = ("SaveImage", "PreviewImage", "PreviewAny")
    shown = {key: node for key, node in graph.items() if node["class_type"] not in outputs}
    source = [key, output]
    if output == 1:
        shown["picture"] = {"class_type": "MaskToImage", "inputs": {"mask": source}}
        source = ["picture", 0]
    shown["save"] = {"class_type": "SaveImage", "inputs": {"images": source, "filename_prefix": "shown"}}
    (picture,) = comfyui.pictures(shown)
    return picture


def test_nodes_are_offered_with_help_and_a_tooltip_on_everything(comfyui: ComfyUI) -> None:
    offered = {name: info for name, info in comfyui.get("/object_info").items() if name.startswith("SinDDM")}
    assert set(offered) == set(pack.NODE_CLASS_MAPPINGS)
    for name, info in offered.items():
        assert info["category"] == "SinDDM-RS"
        assert info["description"]
        assert len(info["output_tooltips"]) == len(info["output"])
        for group in info["input"].values():
            assert all(options.get("tooltip") for _, options in group.values()), name
        assert comfyui.text(f"/extensions/ComfyUI-SinDDM-RS/docs/{name}.md").startswith("# ")


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_is_offered_as_a_template(name: str, comfyui: ComfyUI, graph: Callable[[str], Graph]) -> None:
    """A folder named ``examples`` in the root would take the place of ``workflows`` here."""
    assert name in comfyui.get("/workflow_templates")["ComfyUI-SinDDM-RS"]
    offered = comfyui.get(f"/api/workflow_templates/ComfyUI-SinDDM-RS/{name}.json")
    kinds = [node["type"] for node in offered["nodes"] if node["type"] != "MarkdownNote"]
    assert kinds == [node["class_type"] for node in graph(name).values()]


def test_translations_are_served(comfyui: ComfyUI) -> None:
    for language in ("en", "zh"):
        nodes = comfyui.get("/i18n")[language]["nodeDefs"]
        assert set(pack.NODE_CLASS_MAPPINGS) <= set(nodes)


def test_loading_the_pack_says_nothing(comfyui: ComfyUI) -> None:
    log = comfyui.log.read_text(errors="replace").partition("To see the GUI")[0]
    (line,) = [line for line in log.splitlines() if "SinDDM" in line]
    assert "FAILED" not in line
    assert "Warning" not in log


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_has_nodes_and_inputs_that_comfyui_knows(
    name: str, comfyui: ComfyUI, graph: Callable[[str], Graph]
) -> None:
    known = comfyui.get("/object_info")
    for node in graph(name).values():
        inputs = known[node["class_type"]]["input"]
        assert set(inputs["required"]) <= set(node["inputs"])
        assert set(node["inputs"]) <= set(inputs["required"]) | set(inputs.get("optional", {}))


@pytest.mark.parametrize("name", RUNNING)
def test_graph_saves_an_edit_of_its_source(name: str, comfyui: ComfyUI, graph: Callable[[str], Graph]) -> None:
    entry = comfyui.run(graph(name))
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    key, _ = only(graph(name), "SaveImage")
    (edited,) = map(comfyui.picture, entry["outputs"][key]["images"])
    for each, node in graph(name).items():
        if node["class_type"].startswith("Preview"):
            assert entry["outputs"][each], f"{node['class_type']} shows nothing"
    source = output_of(graph(name), comfyui, "SinDDMScene", 0)
    assert edited.shape == source.shape
    difference = np.abs(edited.astype(int) - source.astype(int)).max(axis=2)
    assert (difference > 25).mean() > 0.002, "hardly anything changed"
    _, edit = only(graph(name), "SinDDMEdit")
    if "mask" in edit["inputs"]:
        region = output_of(graph(name), comfyui, "SinDDMScene", 1).max(axis=2)
        assert 0 < (region > 0).mean() < 1
        assert difference[region == 0].max() == 0, "changed outside the region"


def test_same_seed_same_bytes_and_another_seed_another_edit(comfyui: ComfyUI, graph: Callable[[str], Graph]) -> None:
    first = graph("roi_edit")
    key, edit = only(first, "SinDDMEdit")
    edit["inputs"]["seed"] = 5
    (picture,) = comfyui.pictures(first)

    other = copy.deepcopy(first)
    other[key]["inputs"]["seed"] = 6
    (changed,) = comfyui.pictures(other)
    assert not np.array_equal(picture, changed)

    entry = comfyui.run(first)
    (cached,) = [told["nodes"] for kind, told in entry["status"]["messages"] if kind == "execution_cached"]
    assert key not in cached, "taken from the last run, not computed again"
    (again,) = comfyui.saved(entry)
    assert np.array_equal(picture, again)


def test_bad_input_is_one_sentence_and_the_server_goes_on(comfyui: ComfyUI, graph: Callable[[str], Graph]) -> None:
    bad = graph("full_image_edit")
    only(bad, "SinDDMEdit")[1]["inputs"]["text"] = " "
    error = comfyui.error(bad)
    message = error["exception_message"].strip()
    assert error["node_type"] == "SinDDMEdit"
    assert error["exception_type"].endswith("InputError")
    assert message.endswith(".")
    assert "\n" not in message
    assert "text" in message or "prompt" in message
    assert comfyui.answers()


def test_a_value_written_in_place_of_an_image_is_refused(comfyui: ComfyUI, graph: Callable[[str], Graph]) -> None:
    bad = graph("full_image_edit")
    only(bad, "SinDDMEdit")[1]["inputs"]["image"] = {"not": "an image"}
    assert "'image'" in comfyui.error(bad)["exception_message"]


def test_cancelling_ends_the_edit(comfyui: ComfyUI, graph: Callable[[str], Graph]) -> None:
    long = graph("full_image_edit")
    only(long, "SinDDMEdit")[1]["inputs"].update(seed=77, candidates=16)
    prompt, limit = comfyui.post(long), time.monotonic() + 60
    while (entry := comfyui.ended(prompt)) is None:
        assert time.monotonic() < limit, "went on after it was cancelled"
        time.sleep(0.5)
        comfyui.interrupt()
    assert "execution_interrupted" in [kind for kind, _ in entry["status"]["messages"]]
    assert entry["outputs"] == {}
