"""What tests of graphs share: a small valid graph of every node, examples cut small, and how one is refused."""

from __future__ import annotations

import copy
import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    from comfyui_server import ComfyUI

Graph = dict[str, Any]
SCENES = Path(__file__).parents[2] / "scenes"
IMAGE, MASK, MODEL = ["image", 0], ["mask", 0], ["model", 0]
WIDTH, HEIGHT = 48, 40
FILE = "one_step.safetensors"
RASTER_FILE = "scene.tif"
NAN = float("nan")
ALSO_CALLED = {"text": "text|prompt", "llm_model": "language model"}


def node(kind: str, **inputs: Any) -> Graph:
    return {"class_type": kind, "inputs": inputs}


SOURCES = {
    "scene": node("SinDDMScene", scene="forest"),
    "image": node("ImageCrop", image=["scene", 0], width=WIDTH, height=HEIGHT, x=0, y=0),
    "mask": node("SolidMask", value=1.0, width=WIDTH, height=HEIGHT),
    "model": node("SinDDMLoadModel", name=FILE),
    "raster": node("SinDDMLoadRaster", file=RASTER_FILE, region="", rgb=""),
}
REQUIRED: dict[str, Graph] = {
    "SinDDMBlend": {"original": IMAGE, "edited": IMAGE, "mask": MASK, "mode": "feather", "feather": 2},
    "SinDDMEdit": {"image": IMAGE, "text": "Snow", "seed": 0, "strength": 1.0, "candidates": 1},
    "SinDDMGuide": {"guide": "compact"},
    "SinDDMHarmonize": {"model": MODEL, "image": IMAGE, "steps": 1, "seed": 0},
    "SinDDMInstantModel": {"image": IMAGE},
    "SinDDMLoadModel": {"name": FILE},
    "SinDDMLoadRaster": {"file": RASTER_FILE, "region": "", "rgb": ""},
    "SinDDMPrompts": {"text": "Snow", "source": "none", "n": 3},
    "SinDDMSample": {"model": MODEL, "width": 32, "height": 32, "batch_size": 1, "seed": 0},
    "SinDDMSaveModel": {"model": MODEL, "name": "again"},
    "SinDDMSaveRaster": {"raster": ["raster", 2], "image": ["raster", 0], "mask": ["raster", 1], "name": "again"},
    "SinDDMScene": {"scene": "forest"},
    "SinDDMScore": {"image": IMAGE, "text": "Snow"},
    "SinDDMStyle": {"model": MODEL, "image": IMAGE, "text": "Snow", "strength": 0.3, "seed": 0},
    "SinDDMTrain": {"image": IMAGE, "recipe": "fast", "iterations": 1, "time_budget": 0.0, "seed": 0},
}


def each(*tables: dict[str, str]) -> list[ParameterSet]:
    """(kind, input) of all in tables of a node's kind and the names of its inputs."""
    found = [(kind, name) for table in tables for kind, names in table.items() for name in names.split()]
    return [pytest.param(kind, name, id=f"{kind}.{name}") for kind, name in found]


def graph(kind: str, further: Graph | None = None, **given: Any) -> Graph:
    """A node with all that it requires, and the ``given`` inputs in their place; valid but for these.

    further: nodes besides, or in place of, SOURCES.
    """
    shown = {} if kind == "SinDDMSaveModel" else {"show": node("PreviewAny", source=["node", 0])}
    return {**SOURCES, **(further or {}), "node": node(kind, **{**REQUIRED[kind], **given}), **shown}


def small(graph: Graph, side: int, given: dict[str, int]) -> Graph:
    """A graph with every scene, and its region, cut to ``side``, and each widget that ``given`` names at its value."""
    graph = copy.deepcopy(graph)
    scenes = [name for name, node in graph.items() if node["class_type"] == "SinDDMScene"]
    for each in graph.values():
        for name, value in each["inputs"].items():
            if isinstance(value, list) and value[0] in scenes:
                each["inputs"][name] = [f"{value[0]}{'cut' if value[1] == 0 else 'region'}", 0]
            if name in given:
                each["inputs"][name] = given[name]
    size = {"x": 96, "y": 96, "width": side, "height": side}
    for scene in scenes:
        graph[f"{scene}cut"] = node("ImageCrop", image=[scene, 0], **size)
        graph[f"{scene}region"] = node("CropMask", mask=[scene, 1], **size)
    return graph


def inputs(comfyui: ComfyUI, kind: str) -> dict[str, tuple[Any, Graph]]:
    """(type or choices, options) of every input of a node, as the server tells them."""
    groups = comfyui.get(f"/object_info/{kind}")[kind]["input"]
    return {**groups["required"], **groups.get("optional", {})}


def done(comfyui: ComfyUI, good: Graph) -> None:
    status = comfyui.run(good)["status"]
    assert status["status_str"] == "success", status["messages"]


def refused(comfyui: ComfyUI, bad: Graph, name: str) -> Graph:
    """Post a graph that the server must not take; its error about the node's input ``name``."""
    content = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{comfyui.address}/prompt", json.dumps({"prompt": bad}).encode(), content)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=30)
    assert refusal.value.code == 400, refusal.value
    errors = json.loads(refusal.value.read())["node_errors"]["node"]["errors"]
    named: list[Graph] = [error for error in errors if error["extra_info"]["input_name"] == name]
    assert named, errors
    return named[0]


def sentence(comfyui: ComfyUI, bad: Graph, *about: str) -> str:
    """Run a graph whose node must fail; its message, which must be one sentence of ours and name an input."""
    error = comfyui.error(bad)
    message = str(error["exception_message"]).strip()
    assert error["node_id"] == "node", message
    assert error["exception_type"].endswith(("InputError", "ServiceError")), message
    assert re.fullmatch(r"[^\n]{16,}\.", message), message
    assert not re.search(r"Traceback|[.!?] [A-Z]", message), message
    assert any(_names(message, name) for name in about), f"names none of {', '.join(about)}: {message}"
    return message


def _names(message: str, name: str) -> bool:
    """Whether the message speaks of the input, in the singular or the plural."""
    words = ALSO_CALLED.get(name, f"{name.removesuffix('s')}s?".replace("_", "[_ ]"))
    return re.search(rf"\b({words})\b", message, re.IGNORECASE) is not None


def keep_model(comfyui: ComfyUI) -> None:
    """A model of one training step lies as FILE among the server's models."""
    train = node("SinDDMTrain", **REQUIRED["SinDDMTrain"])
    done(comfyui, graph("SinDDMSaveModel", {"model": train}, name=FILE))


def keep_raster(comfyui: ComfyUI) -> None:
    """A GeoTIFF of the size of IMAGE lies as RASTER_FILE in the server's input folder."""
    rasterio = pytest.importorskip("rasterio")
    with Image.open(SCENES / "forest.png") as scene:
        values = np.asarray(scene.convert("RGB").crop((0, 0, WIDTH, HEIGHT)))
    profile = {"driver": "GTiff", "width": WIDTH, "height": HEIGHT, "count": 3, "dtype": "uint8", "crs": "EPSG:32618"}
    place = rasterio.transform.from_origin(500000, 4000000, 1, 1)
    with rasterio.open(comfyui.log.parent / "input" / RASTER_FILE, "w", **profile, transform=place) as file:
        file.write(np.moveaxis(values, -1, 0))


def check_goes_on(comfyui: ComfyUI, request: pytest.FixtureRequest) -> None:
    """The server still answers, and after the last case of a test it still draws a picture."""
    assert comfyui.answers()
    place = request.session.items.index(request.node)
    tests = [item.nodeid.partition("[")[0] for item in request.session.items[place : place + 2]]
    if len(set(tests)) == len(tests):
        good = graph("SinDDMSample", seed=place)  # another seed than before, or it would come from the cache
        (picture,) = comfyui.pictures({**good, "show": node("SaveImage", images=["node", 0], filename_prefix="good")})
        assert picture.shape == (32, 32, 3)
