"""``sinddm-rs edit`` of GeoTIFFs: the place stays, regions are polygons and masks, and bad input is one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.geo import files, large

rasterio = pytest.importorskip("rasterio")
transform_geom = pytest.importorskip("rasterio.warp").transform_geom

TEXT = "A fire in the forest"
Run = Callable[..., Any]
Refused = Callable[[tuple[str, ...], str], None]


def draw(path: Path, values: np.ndarray, **how: Any) -> None:
    """values [bands, h, w] as a GeoTIFF in UTM zone 10 north, 10 m a pixel."""
    profile = {
        "driver": "GTiff",
        "count": len(values),
        "height": values.shape[1],
        "width": values.shape[2],
        "dtype": values.dtype.name,
        "crs": "EPSG:32610",
        "transform": rasterio.Affine(10, 0, 500_000, 0, -10, 4_100_000),
        **how,
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)


def stored(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read())


@pytest.fixture
def bands(scene: np.ndarray) -> np.ndarray:
    """Red, green, blue and near infrared of a wood: uint16 [4, 48, 48]."""
    rgb = np.pad(scene, ((0, 16), (0, 16), (0, 0)), mode="reflect").astype(float).transpose(2, 0, 1)
    near = 500 - 0.4 * rgb.mean(0, keepdims=True)
    return (np.concatenate([rgb, near]) * 30 + 200).astype(np.uint16)


@pytest.fixture
def geotiff(folder: Path, bands: np.ndarray) -> Path:
    """in.tif in the current folder."""
    draw(folder / "in.tif", bands, photometric="RGB", ALPHA="NO", compress="DEFLATE", nodata=0)
    return folder / "in.tif"


def polygon(folder: Path, left: int, top: int, right: int, bottom: int) -> None:
    """region.geojson, in longitude and latitude, around pixels of the scene."""
    xs = [500_000 + 10 * column for column in (left, right)]
    ys = [4_100_000 - 10 * row for row in (bottom, top)]
    ring = [[xs[0], ys[0]], [xs[1], ys[0]], [xs[1], ys[1]], [xs[0], ys[1]], [xs[0], ys[0]]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    (folder / "region.geojson").write_text(json.dumps(transform_geom("EPSG:32610", "EPSG:4326", shape)))


def test_an_edit_of_a_polygon(run: Run, geotiff: Path, folder: Path, bands: np.ndarray) -> None:
    polygon(folder, 8, 6, 40, 34)
    ended = run("edit", "in.tif", TEXT, "-o", "out.tif", "--roi", "region.geojson", "--seed", "3")
    answer = ended.answer
    assert answer["output"] == "out.tif" and answer["exemplars"] == ["fire"] and answer["warnings"] == []
    assert answer["window"] == [0, 0, 48, 48] and set(answer["indices"]) == {"ndvi", "ndwi"}
    before, after = answer["indices"]["ndvi"]
    assert after < before
    assert "ERROR" not in ended.err and "Warning" not in ended.err and "Traceback" not in ended.err
    inside = np.zeros((48, 48), bool)
    inside[6:34, 8:40] = True
    out = stored(folder / "out.tif")
    assert out.dtype == np.uint16 and (out[:, ~inside] == bands[:, ~inside]).all()
    assert (out != bands)[:, inside].any(1).all()
    with rasterio.open(geotiff) as old, rasterio.open(folder / "out.tif") as new:
        assert old.profile == new.profile and old.bounds == new.bounds
    again = run("edit", "in.tif", TEXT, "-o", "again.tif", "--roi", "region.geojson", "--seed", "3").answer
    assert (folder / "again.tif").read_bytes() == (folder / "out.tif").read_bytes()
    assert {**again, "seconds": 0, "output": ""} == {**answer, "seconds": 0, "output": ""}


@pytest.mark.usefixtures("geotiff")
def test_clouds_bands_candidates_and_a_report(run: Run, folder: Path, bands: np.ndarray) -> None:
    clouds = np.zeros((1, 48, 48), np.uint8)
    clouds[:, :, 30:] = 1
    draw(folder / "clouds.tif", clouds)
    answer = run(
        *("edit", "in.tif", TEXT, "-o", "out.tif", "--ignore", "clouds.tif", "--rgb", "4,1,2", "--candidates", "2"),
        *("--all", "--report", "--roi", "map:500020,4099540,500460,4099980"),
    ).answer
    assert answer["candidates"] == ["out_seed0.tif", "out_seed1.tif"] and answer["report"] == "out_report.png"
    assert answer["indices"] == {}
    outs = [stored(folder / name) for name in ("out.tif", *answer["candidates"])]
    for out in outs:
        assert (out[:, :, 30:] == bands[:, :, 30:]).all() and (out[:, :2] == bands[:, :2]).all()
        assert (out != bands).any()
    assert (outs[1] != outs[2]).any()
    assert ((outs[0] == outs[1]).all() or (outs[0] == outs[2]).all()) and (folder / "out_report.png").exists()


@pytest.mark.usefixtures("geotiff")
def test_without_rasterio(run: Run, monkeypatch: pytest.MonkeyPatch, bands: np.ndarray, folder: Path) -> None:
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    ended = run("edit", "in.tif", TEXT, "-o", "out.tif", "--roi", "8,6,32,28")
    assert len(ended.answer["warnings"]) == 1 and "read as a plain picture" in ended.answer["warnings"][0]
    assert ended.answer["warnings"][0] in ended.err
    assert (stored(folder / "out.tif")[:, 34:] == bands[:, 34:]).all()


def test_a_scene_without_a_place(run: Run, folder: Path, bands: np.ndarray) -> None:
    draw(folder / "in.tif", bands[:3], crs=None, transform=None, nodata=0, photometric="RGB")
    ended = run("edit", "in.tif", TEXT, "-o", "out.tif", "--roi", "8,6,32,28")
    assert len(ended.answer["warnings"]) == 1 and "(no CRS)" in ended.err and "Warning" not in ended.err


def test_bad_rasters(refused: Refused, folder: Path, bands: np.ndarray, geotiff: Path) -> None:
    data = geotiff.read_bytes()
    (folder / "cut.tif").write_bytes(data[: len(data) // 2])
    draw(folder / "complex.tif", bands.astype("complex64"))
    draw(folder / "low.tif", bands[:, :31])
    draw(folder / "empty.tif", bands * 0, nodata=0)
    draw(folder / "palette.tif", bands[:1].astype(np.uint8), photometric="palette")
    for name, said in {
        "cut.tif": "damaged or incomplete",
        "complex.tif": "complex64",
        "low.tif": "31 px",
        "empty.tif": "no data",
        "palette.tif": "palette",
    }.items():
        refused(("edit", name, TEXT, "-o", "out.tif"), said)


@pytest.mark.usefixtures("geotiff")
def test_bad_regions_bands_and_outputs(refused: Refused, folder: Path) -> None:
    point = {"type": "Point", "coordinates": [-123, 37]}
    (folder / "point.geojson").write_text(json.dumps(point))
    (folder / "text.geojson").write_text("polygons")
    polygon(folder, 5000, 5000, 5010, 5010)
    draw(folder / "nothing.tif", np.zeros((1, 48, 48), np.uint8))
    draw(folder / "far.tif", np.ones((1, 48, 48), np.uint8), transform=rasterio.Affine(10, 0, 0, 0, -10, 9000))
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0o555)
    for roi, said in {
        "point.geojson": "holds no polygon",
        "text.geojson": "no valid GeoJSON",
        "region.geojson": "does not meet the scene",
        "nothing.tif": "selects nothing",
        "far.tif": "does not meet the scene",
        "missing.gpkg": "does not exist",
        "4,4,0,9": "no area",
        "40,40,20,20": "lies off the scene",
        "map:0,0,1,1": "does not meet the scene",
        "map:0,0,1": "is not map:left,bottom,right,top",
    }.items():
        refused(("edit", "in.tif", TEXT, "-o", "out.tif", "--roi", roi), said)
    refused(("edit", "in.tif", TEXT, "-o", "out.tif", "--ignore", "text.geojson"), "no valid GeoJSON")
    refused(("edit", "in.tif", TEXT, "-o", "out.tif", "--rgb", "4,3"), "three numbers")
    refused(("edit", "in.tif", TEXT, "-o", "out.tif", "--rgb", "5,3,2"), "choose three different ones of 1, 2, 3, 4")
    refused(("edit", "in.tif", TEXT, "-o", "in.tif"), "is the source itself")
    refused(("edit", "in.tif", TEXT, "-o", "out.png"), r"end in \.tif")
    refused(("edit", "in.tif", TEXT, "-o", "locked/out.tif"), "read-only")


def test_the_change_mask_lies_where_the_scene_does(run: Run, refused: Refused, folder: Path, geotiff: Path) -> None:
    arguments = ("edit", "in.tif", TEXT, "-o", "out.tif", "--roi", "4,4,36,36")
    refused((*arguments, "--mask-out", "mask.png"), r"end in \.tif")
    assert run(*arguments, "--mask-out", "mask.tif").answer["mask"] == "mask.tif"
    with rasterio.open(folder / "mask.tif") as mask, rasterio.open(geotiff) as scene:
        assert (mask.crs, mask.transform, mask.shape) == (scene.crs, scene.transform, scene.shape)
        assert (mask.count, mask.dtypes[0]) == (1, "uint8")
        marked = mask.read(1)
    assert set(np.unique(marked)) == {0, 255}
    differs = (stored(folder / "out.tif") != stored(geotiff)).any(0)
    assert differs[marked == 255].mean() > 0.9 and not marked[~differs].all()
    assert not marked[:4].any() and not marked[:, :4].any()


def test_a_large_scene(
    run: Run, refused: Refused, folder: Path, bands: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "AT_ONCE", 64)
    wide = np.tile(bands[:3, :40], (1, 1, 2))
    draw(folder / "wide.tif", wide, photometric="RGB")
    for option in (("--all",), ("--mask-out", "m.tif"), ("--model", "m.safetensors"), ("--exemplar", "scene.png")):
        refused(("edit", "wide.tif", TEXT, "-o", "out.tif", *option), "is edited in tiles")
    refused(("edit", "wide.tif", TEXT, "-o", "wide.tif"), "is the source itself")
    draw(folder / "mask.tif", np.ones((1, 40, 96), np.uint8))
    refused(("edit", "wide.tif", TEXT, "-o", "mask.tif", "--roi", "mask.tif"), "another input")
    answer = run("edit", "wide.tif", TEXT, "-o", "out.tif", "--report", "--roi", "0,4,96,30").answer
    assert answer["tiles"] == [1, 1] and answer["window"] == [0, 0, 96, 40] and answer["indices"] == {}
    assert answer["report"] == "out_report.png" and answer["exemplars"] == ["fire"]
    out = stored(folder / "out.tif")
    assert (out != wide)[:, 4:34].any() and (out[:, :4] == wide[:, :4]).all() and (out[:, 34:] == wide[:, 34:]).all()
    assert not (folder / ".out.tif.tiles").exists()
