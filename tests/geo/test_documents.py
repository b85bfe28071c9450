"""Plain pictures and rasters on the earth are edited by the same calls."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from comfyui_sinddm_rs.errors import InputError, MissingPackageError, OutputError
from comfyui_sinddm_rs.geo import documents, files, libraries
from comfyui_sinddm_rs.geo.documents import (
    PlainDocument,
    edit_document,
    edit_file,
    open_document,
    open_for_edit,
    summary,
)
from comfyui_sinddm_rs.geo.window import GeoDocument
from comfyui_sinddm_rs.guidance.settings import EditSettings
from PIL import Image

rasterio = pytest.importorskip("rasterio")
copy_raster = pytest.importorskip("rasterio.shutil").copy

Draw = Callable[..., Path]
Pixels = Callable[..., np.ndarray]
Stored = Callable[[Path], np.ndarray]
FIRE = "A fire in the forest"


def test_which_document_a_file_is(draw: Draw, pixels: Pixels, wood: np.ndarray, tmp_path: Path) -> None:
    assert isinstance(open_document(draw(pixels())), GeoDocument)
    Image.fromarray(wood).save(tmp_path / "plain.png")
    tifffile.imwrite(tmp_path / "plain.tif", wood, photometric="rgb")
    for name in ("plain.png", "plain.tif"):
        plain = open_document(tmp_path / name, "8,8,40,40")
        assert isinstance(plain, PlainDocument) and plain.valid is None and plain.units is None
        assert plain.roi is not None and plain.roi.sum() == 1600 and plain.notes == ()
        assert plain.measured(plain.pixels, plain.roi) == {} and isinstance(
            open_for_edit(tmp_path / name), PlainDocument
        )


def test_an_edit_gets_all_that_the_file_says(
    draw: Draw, pixels: Pixels, monkeypatch: pytest.MonkeyPatch, negative: Callable[..., Any]
) -> None:
    values = np.maximum(pixels("uint16", 4), 1)
    values[:, :30] = 0
    document = open_document(draw(values, nodata=0, photometric="RGB", ALPHA="NO"), "20,20,40,50", rgb=(4, 1, 2))
    told: dict[str, Any] = {}

    def edit(image: torch.Tensor, text: str, **how: Any) -> Any:
        told.update(how, image=image)
        return negative(image, text, **how)

    monkeypatch.setattr(documents, "edit_image", edit)
    result = edit_document(document, FIRE, settings=EditSettings(seed=9))
    assert told["image"] is document.pixels and told["roi"] is document.roi and told["valid"] is document.valid
    assert told["units"] == document.units and told["settings"].seed == 9
    assert document.units is not None and document.units.roles == ("red", "green", "blue", None)
    numbers = summary(document, result)
    assert numbers["window"] == [0, 0, 88, 95] and numbers["warnings"] == [] and numbers["indices"] == {}


@pytest.mark.usefixtures("quick")
def test_notes_become_warnings(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels(), crs=None, transform=None, nodata=0)
    answer = edit_file(scene, FIRE, scene.with_name("out.tif"))
    assert len(answer["warnings"]) == 1 and "(no CRS)" in answer["warnings"][0]
    assert answer["output"] == str(scene.with_name("out.tif"))


@pytest.mark.usefixtures("quick")
def test_a_plain_picture_in_one_call(wood: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(wood).save(tmp_path / "plain.png")
    answer = edit_file(tmp_path / "plain.png", FIRE, tmp_path / "out.webp", roi="8,8,40,40")
    with Image.open(tmp_path / "out.webp") as out:
        after = np.asarray(out.convert("RGB"))
    inside = np.zeros((96, 96), bool)
    inside[8:48, 8:48] = True
    assert (after[~inside] == wood[~inside]).all() and (after[inside] == 255 - wood[inside]).all()
    assert "window" not in answer
    with pytest.raises(OutputError, match="is the source itself"):
        edit_file(tmp_path / "plain.png", FIRE, tmp_path / "plain.png")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", ["spec", "import"])
def test_without_rasterio_a_geotiff_is_a_plain_tiff(
    draw: Draw, pixels: Pixels, monkeypatch: pytest.MonkeyPatch, stored: Stored, how: str
) -> None:
    scene = draw(pixels("uint16"), photometric="RGB")
    if how == "spec":
        monkeypatch.setattr(files, "find_spec", lambda _: None)
        answer = edit_file(scene, FIRE, scene.with_name("out.tif"), roi="8,8,40,40")
        assert len(answer["warnings"]) == 1
        assert "read as a plain picture" in answer["warnings"][0] and "[raster]" in answer["warnings"][0]
        assert (stored(scene)[:, 48:] == stored(scene.with_name("out.tif"))[:, 48:]).all()
        with rasterio.open(scene) as old, rasterio.open(scene.with_name("out.tif")) as new:
            assert (old.crs, old.transform) == (new.crs, new.transform)
        assert isinstance(open_for_edit(scene), PlainDocument)
        return

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(libraries, "import_module", missing)
    with pytest.raises(MissingPackageError, match=r'needs the package rasterio: pip install "comfyui-sinddm-rs\['):
        open_document(scene)


@pytest.mark.parametrize("name", ["pyogrio", "shapely"])
def test_packages_for_polygons_alone(
    draw: Draw, pixels: Pixels, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    def missing(wanted: str) -> Any:
        if wanted == name:
            raise ImportError(wanted)
        return importlib.import_module(wanted)

    (tmp_path / "region.gpkg").write_bytes(b"SQLite format 3\0")
    scene = draw(pixels())
    monkeypatch.setattr(libraries, "import_module", missing)
    assert isinstance(open_document(scene, "8,8,40,40"), GeoDocument)
    with pytest.raises(MissingPackageError, match=f"needs the package {name}"):
        open_document(scene, str(tmp_path / "region.gpkg"))


@pytest.mark.usefixtures("quick")
def test_a_tiff_that_is_cut_off(draw: Draw, pixels: Pixels, capfd: pytest.CaptureFixture) -> None:
    """However much of it is there, and wherever its tags are."""
    scene = draw(pixels("uint16"), compress="DEFLATE", overviews=[2])
    whole = scene.read_bytes()
    cog = scene.with_name("cog.tif")
    copy_raster(scene, cog, driver="COG")
    capfd.readouterr()
    # At the end of the first are its overviews, at that of the second its pixels.
    for data, least in ((whole, 0.7), (cog.read_bytes(), 0.95)):
        for share in (0.001, 0.01, 0.3, least):
            scene.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(InputError) as told:
                edit_file(scene, FIRE, scene.with_name("out.tif"))
            message = str(told.value)
            assert message.startswith(str(scene)) and message.endswith(".") and "\n" not in message
            assert not scene.with_name("out.tif").exists()
    assert capfd.readouterr() == ("", "")
