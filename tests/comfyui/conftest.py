"""A real, unmodified ComfyUI on a free port of this machine, with this pack linked into its custom_nodes.

Runs only when asked for: SINDDM_RS_COMFYUI=1 fetches ComfyUI into a cache folder (SINDDM_RS_CACHE, or the
user's own cache), and COMFYUI_DIR names an installed one, which is then run with the Python of these tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from comfyui_server import PACK, ComfyUI, comfyui_to_run, running

WANTED = os.environ.get("SINDDM_RS_COMFYUI") == "1" or bool(os.environ.get("COMFYUI_DIR"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = "needs a real ComfyUI: set SINDDM_RS_COMFYUI=1 (fetches one) or COMFYUI_DIR (an installed one)"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.comfyui)
            if not WANTED:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    server = getattr(item, "funcargs", {}).get("comfyui")
    if report.failed and server is not None:
        report.sections.append((f"end of {server.log}", server.log_end()))
    return report


@pytest.fixture(scope="session")
def comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyUI]:
    with running(*comfyui_to_run(), tmp_path_factory.mktemp("comfyui")) as server:
        yield server


@pytest.fixture
def graph() -> Callable[[str], dict[str, Any]]:
    """The API-format graph ``workflows/api/NAME.json``."""
    return lambda name: json.loads((PACK / "workflows" / "api" / f"{name}.json").read_text(encoding="utf-8"))
