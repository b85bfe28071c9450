"""Which files are rasters on the earth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from comfyui_sinddm_rs.geo import files
from comfyui_sinddm_rs.geo.files import can_edit_on_earth, is_on_earth
from PIL import Image

rasterio = pytest.importorskip("rasterio")

Draw = Callable[..., Path]
Pixels = Callable[..., np.ndarray]


def test_rasters_on_the_earth(draw: Draw, pixels: Pixels) -> None:
    nowhere = {"crs": None, "transform": None}
    mask = np.where(np.arange(96) < 40, 0, 255)[None].repeat(96, 0).astype(np.uint8)
    corners = [(0, 0, 10.0, 45.0), (0, 96, 10.1, 45.0), (96, 0, 10.0, 44.9)]
    points = [rasterio.control.GroundControlPoint(*each) for each in corners]
    assert is_on_earth(draw(pixels(), "crs.tif"))
    assert is_on_earth(draw(pixels(), "big.TIFF", BIGTIFF="YES", ENDIANNESS="BIG"))
    assert is_on_earth(draw(pixels(), "nodata.tif", nodata=0, **nowhere))
    assert is_on_earth(draw(pixels(), "mask.tif", mask=mask, **nowhere))
    assert is_on_earth(draw(pixels(), "points.tif", gcps=(points, rasterio.crs.CRS.from_epsg(4326)), **nowhere))
    assert is_on_earth(draw(pixels()[:, :40], "wide.tif", **nowhere)) is False


def test_a_world_file_says_where_it_lies(tmp_path: Path, wood: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", wood, photometric="rgb")
    assert not is_on_earth(tmp_path / "plain.tif")
    (tmp_path / "plain.tfw").write_text("10\n0\n0\n-10\n500005\n4099995\n")
    assert is_on_earth(tmp_path / "plain.tif")


def test_what_is_too_large_to_be_read_whole(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "edge.tif", np.zeros((40, 2048), np.uint8))
    tifffile.imwrite(tmp_path / "long.tif", np.zeros((40, 2049), np.uint8))
    assert not is_on_earth(tmp_path / "edge.tif") and is_on_earth(tmp_path / "long.tif")


def test_other_files(tmp_path: Path, wood: np.ndarray, draw: Draw, pixels: Pixels) -> None:
    Image.fromarray(wood).save(tmp_path / "plain.png")
    (tmp_path / "named.tif").write_bytes((tmp_path / "plain.png").read_bytes())
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "head.tif").write_bytes(draw(pixels()).read_bytes()[:6])
    for name in ("plain.png", "named.tif", "empty.tif", "head.tif", "missing.tif", "."):
        assert not is_on_earth(tmp_path / name)


def test_whether_the_extra_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_edit_on_earth()
    monkeypatch.setattr(files, "find_spec", lambda name: None if name == "rasterio" else 1)
    assert not can_edit_on_earth()
