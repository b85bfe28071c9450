"""A folder with everything that the documents' commands name, tiny, on a machine whose servers answer by themselves."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from comfyui_sinddm_rs.cli import main
from comfyui_sinddm_rs.guidance.compact.guide import WEIGHTS
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.sinddm.training.recipes import RECIPES
from PIL import Image
from pytest_httpserver import HTTPServer

TINY: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def _picture(name: str, width: int, height: int) -> Image.Image:
    with Image.open(scene_path(name)) as image:
        return image.convert("RGB").crop((0, 0, width, height))


def _geotiffs(folder: Path) -> None:
    """scene.tif where docs/rasters.md has its coordinates, with near infrared; a mask of it; a stack of six bands."""
    rasterio = pytest.importorskip("rasterio")
    colours = np.asarray(_picture("house", 192, 144)).transpose(2, 0, 1)
    place = {"crs": "EPSG:32633", "transform": rasterio.Affine(20, 0, 432000, 0, -20, 4482000)}
    clouds = np.zeros((1, 144, 192), np.uint8)
    clouds[0, 60:66, 70:80] = 255
    stack = np.asarray(_picture("meadow", 64, 64)).transpose(2, 0, 1)[[2, 1, 0, 0, 1, 2]]
    for name, bands in (("scene.tif", colours[[0, 1, 2, 1]]), ("clouds.tif", clouds), ("stack.tif", stack)):
        shape = {"count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2]}
        with rasterio.open(folder / name, "w", driver="GTiff", dtype="uint8", **shape, **place) as file:
            file.write(bands)
            if name == "scene.tif":
                file.colorinterp = [
                    getattr(rasterio.enums.ColorInterp, c) for c in ("red", "green", "blue", "undefined")
                ]
                file.descriptions = ("red", "green", "blue", "nir")
    ring = [[433200, 4480100], [434100, 4480100], [434100, 4480900], [433200, 4480900], [433200, 4480100]]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "fire.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}), encoding="utf-8"
    )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands read; each of them gets a copy."""
    folder = tmp_path_factory.mktemp("docs")
    forest = _picture("forest", 64, 64)
    for place in (".", "DIR", "SCENES", "FOLDER/Forest", "scenes"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for name in ("scene.png", "DIR/scene.png", "SCENES/scene.png", "scenes/forest.png"):
        forest.save(folder / name)
    _picture("tanks", 192, 144).save(folder / "scenes/tanks.png")
    forest.save(folder / "FOLDER/Forest/forest_1.jpg")
    Image.eval(forest, lambda value: min(255, value + 30)).save(folder / "edited.png")
    for name in ("jobs.csv", "JOBS.csv"):
        (folder / name).write_text("image,prompt\nscene.png,A fire in the forest\n", encoding="utf-8")
    (folder / "PLAN.tsv").write_text("prompt\tscene\nA fire in the forest\tscene.png\n", encoding="utf-8")
    _geotiffs(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(open_clip.CLIP(**TINY).state_dict(), folder / "RemoteCLIP-ViT-B-32.pt")
    shutil.copy(WEIGHTS, folder / "judge.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _short_training(patch)
        assert main(["train", "scene.png", "--event", "A fire in the forest", "-o", "scene.safetensors"]) == 0
    return folder


def _short_training(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(RECIPES, "fast", replace(RECIPES["fast"], iterations=2))


@pytest.fixture
def folder(prepared: Path, tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of one command: a copy of ``prepared``; trainings are two steps long, RemoteCLIP is tiny."""
    here = tmp_path / "here"
    shutil.copytree(prepared, here)
    monkeypatch.chdir(here)
    _short_training(monkeypatch)
    for name in ("ViT-B-32", "ViT-B-32-quickgelu"):
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, TINY)
    monkeypatch.setenv("SINDDM_RS_MODELS", str(here))
    monkeypatch.setenv("SINDDM_RS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    content = json.dumps({"prompts": ["a burning forest", "flames in the woods"]})
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    httpserver.expect_request("/v1/chat/completions").respond_with_json({"choices": [choice]})
    return here
