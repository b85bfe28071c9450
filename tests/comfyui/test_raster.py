"""A GeoTIFF through a real ComfyUI: all bands edited, its place kept, nothing else touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

rasterio = pytest.importorskip("rasterio")
SCENES = Path(__file__).parents[2] / "scenes"
Graph = dict[str, Any]


def node(kind: str, **inputs: Any) -> Graph:
    return {"class_type": kind, "inputs": inputs}


def test_a_raster_is_edited_and_saved_at_its_place(comfyui: ComfyUI) -> None:
    base = comfyui.log.parent
    with Image.open(SCENES / "forest.png") as scene:
        rgb = np.asarray(scene.convert("RGB").crop((60, 100, 156, 196)))
    values = np.concatenate([rgb, 40 + rgb[..., 1:2] // 2], -1).astype(np.uint16) * 16
    profile = {"driver": "GTiff", "width": 96, "height": 96, "count": 4, "dtype": "uint16", "crs": "EPSG:32618"}
    place = rasterio.transform.from_origin(500000, 4000000, 1, 1)
    source = base / "input" / "four_bands.tif"
    with rasterio.open(source, "w", **profile, transform=place) as file:
        file.write(np.moveaxis(values, -1, 0))
        file.descriptions = ("red", "green", "blue", "nir")
    text = {"text": "A fire in the forest", "seed": 0, "strength": 1.0, "candidates": 1}
    shown = comfyui.pictures(
        {
            "load": node("SinDDMLoadRaster", file="four_bands.tif", region="16,16,64,64", rgb=""),
            "edit": node("SinDDMEdit", image=["load", 0], mask=["load", 1], raster=["load", 2], **text),
            "save": node("SinDDMSaveRaster", raster=["load", 2], image=["edit", 0], mask=["edit", 1], name="burnt"),
            "show": node("SaveImage", images=["save", 0], filename_prefix="raster"),
        }
    )
    assert shown[0].shape == (96, 96, 3)
    with rasterio.open(source) as before, rasterio.open(base / "output" / "sinddm" / "burnt.tif") as after:
        assert (after.crs, after.transform, after.descriptions) == (before.crs, before.transform, before.descriptions)
        differs = before.read() != after.read()
    assert differs[:, 16:80, 16:80].any(axis=(1, 2)).all()
    differs[:, 16:80, 16:80] = False
    assert not differs.any()
