"""What is learnt of a GeoTIFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.geo.learning import largest_rectangle, read_to_learn
from comfyui_sinddm_rs.guidance.regions import Window
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster

rasterio = pytest.importorskip("rasterio")


def test_the_largest_rectangle_of_valid_pixels() -> None:
    valid = np.zeros((40, 60), bool)
    valid[3:33, 10:50] = True
    assert largest_rectangle(valid) == Window(3, 10, 33, 50)
    valid[20, 30] = False
    found = largest_rectangle(valid)
    assert valid[found.top : found.bottom, found.left : found.right].all()
    assert found == Window(3, 10, 20, 50)
    assert largest_rectangle(np.ones((5, 7), bool)) == Window(0, 0, 5, 7)


def test_a_large_map_is_searched_by_blocks() -> None:
    valid = np.ones((500, 700), bool)
    valid[:, :101] = False
    found = largest_rectangle(valid)
    assert found.left >= 101 and (found.bottom - found.top) * (found.right - found.left) > 0.95 * valid.sum()


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    rgb = read_raster(scene_path("forest")).pixels[:, 100:164, 60:124].numpy()
    values = np.concatenate([rgb[2:], rgb[1:2], rgb[:1], 0.9 - rgb[:1]]) * 3000 + 200
    values[:, :, 50:] = 0
    profile = {"driver": "GTiff", "count": 4, "width": 64, "height": 64, "dtype": "uint16", "nodata": 0}
    place = rasterio.transform.from_origin(500000, 4000000, 1, 1)
    with rasterio.open(tmp_path / "scene.tif", "w", **profile, crs="EPSG:32618", transform=place) as file:
        file.write(values.astype(np.uint16))
        file.descriptions = ("blue", "green", "red", "nir")
    return tmp_path / "scene.tif"


def test_pixels_without_data_are_not_learnt_and_a_new_scene_has_the_files_values(scene_file: Path) -> None:
    learnt = read_to_learn(scene_file)
    assert learnt.pixels.shape == (4, 64, 50) and "left out" in learnt.notes[-1]
    assert learnt.suffix == ".tif"
    out = scene_file.with_name("new.tif")
    learnt.check_output(out)
    learnt.write_new(out, learnt.pixels)
    with rasterio.open(out) as new, rasterio.open(scene_file) as source:
        assert new.dtypes == source.dtypes and new.descriptions == source.descriptions
        assert new.crs is None
        there, here = source.read()[:, :, :50].astype(int), new.read().astype(int)
    # Equal but for the hundredth that lies beyond what is shown.
    assert np.mean(np.abs(there - here) <= 1) > 0.97


def test_a_plain_picture_is_learnt_whole() -> None:
    learnt = read_to_learn(scene_path("forest"))
    assert torch.equal(learnt.pixels, read_raster(scene_path("forest")).pixels) and learnt.suffix == ".png"
