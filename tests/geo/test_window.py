"""A window of a raster is edited: what has no data stays out of it, all bands follow, and little is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.geo import source as source_module
from comfyui_sinddm_rs.geo.documents import edit_document, edit_file, open_document, open_for_edit
from comfyui_sinddm_rs.geo.nodata import keep_from_nodata
from comfyui_sinddm_rs.geo.regions import Region
from comfyui_sinddm_rs.geo.window import GeoDocument, check_window, mask_in, open_window
from comfyui_sinddm_rs.guidance.regions import Window
from comfyui_sinddm_rs.guidance.settings import EditSettings

rasterio = pytest.importorskip("rasterio")

Draw = Callable[..., Path]
Pixels = Callable[..., np.ndarray]
Stored = Callable[[Path], np.ndarray]
FIRE = "A fire in the forest"


def edited(scene: Path, text: str, settings: EditSettings, roi: str | None = None, **how: Any) -> tuple[Any, Path]:
    document = open_document(scene, roi, **how)
    result = edit_document(document, text, settings=settings)
    out = scene.with_name(f"{scene.stem}_out.tif")
    document.write(out, result.image, result.changed)
    return document.measured(result.image, result.changed), out


def clouds(draw: Draw) -> tuple[Path, np.ndarray]:
    covered = np.zeros((48, 48), bool)
    covered[:16, 28:] = True
    covered[36:, :10] = True
    return draw(covered[None].astype(np.uint8), "clouds.tif"), covered


@pytest.mark.parametrize("kind", ["nodata", "NaN", "mask", "alpha", "ignored"])
def test_what_has_no_data_is_neither_learnt_nor_painted(
    draw: Draw, pixels: Pixels, stored: Stored, settings: EditSettings, kind: str
) -> None:
    """Its values, where they may be any, change nothing elsewhere."""
    covering, hidden = clouds(draw)
    dtype = {"nodata": "int16", "NaN": "float32"}.get(kind, "uint8")
    outs = []
    for version, filling in enumerate([(0, 0, 255), (200, 90, 10)]):
        values = pixels(dtype, 4 if kind in ("alpha", "nodata") else 3, 48)
        how: dict[str, Any] = {}
        if kind == "nodata":
            values[0][hidden] = -9999  # one band is enough
            values[1][hidden], values[2][hidden] = filling[:2]
            how["nodata"] = -9999
        elif kind == "NaN":
            values[:, hidden] = np.nan
            values[0][hidden] = filling[0]
        else:
            values[:3, hidden] = np.array(filling)[:, None]
        if kind == "mask":
            how["mask"] = np.where(hidden, 0, 255).astype(np.uint8)
        if kind == "alpha":
            values[3] = np.where(hidden, 0, 255)
            how["colours"] = ["red", "green", "blue", "alpha"]
        scene = draw(values, f"scene{version}.tif", **how)
        ignore = str(covering) if kind == "ignored" else None
        out = stored(edited(scene, FIRE, settings, ignore=ignore)[1])
        assert out[:, hidden].tobytes() == values[:, hidden].tobytes()
        assert (out != values)[:, ~hidden].any()
        outs.append(out)
    assert outs[0][:, ~hidden].tobytes() == outs[1][:, ~hidden].tobytes()


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("uint8", 255), ("int16", -2800), ("float32", 0.25)])
def test_an_edited_pixel_never_has_no_data(
    draw: Draw, pixels: Pixels, stored: Stored, dtype: str, nodata: float
) -> None:
    values = pixels(dtype)
    values[values == nodata] += 1
    scene = draw(values, nodata=nodata)
    document = open_document(scene)
    for target in (0.0, 1.0, 0.4):
        image = torch.full_like(document.pixels, target)
        stretch = document.stretch  # type: ignore[attr-defined]
        # Wherever the edit can, it lands on the value.
        level = torch.tensor((nodata - stretch.low) / (stretch.high - stretch.low)).float()[:, None, None]
        image[:, 40:] = level.expand(3, 56, 96)
        out = scene.with_name("out.tif")
        document.write(out, image, torch.ones(96, 96))
        after = stored(out)
        assert (after != values).mean() > 0.9 and not (after == np.dtype(dtype).type(nodata)).any()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float32", "float64"])
def test_the_next_value_to_no_data(dtype: str) -> None:
    floats = dtype.startswith("float")
    info = np.finfo(dtype) if floats else np.iinfo(dtype)
    for nodata in (info.min, info.max, 0, 7):
        stored = np.full((2, 2, 1), 3, dtype)
        moved = np.full((2, 2, 1), nodata, dtype)
        valid = np.array([[True, True], [True, False]])
        kept = keep_from_nodata(stored, moved, valid, (float(nodata),))
        assert (kept[valid] != moved[valid]).all() and np.isfinite(kept).all()
        assert (kept[~valid] == moved[~valid]).all()
        if not floats:
            assert np.abs(kept.astype(int) - moved.astype(int))[valid].max() == 1
        else:
            assert np.allclose(kept, moved, rtol=1e-6, atol=1e-30)
    same = np.full((1, 1, 2), 7, dtype)
    assert (keep_from_nodata(same, same, np.ones((1, 1), bool), (7.0, None)) == same).all()
    beyond = np.full((1, 1, 1), 7, dtype)
    assert keep_from_nodata(beyond * 0, beyond, np.ones((1, 1), bool), (float("nan"),)) == beyond


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_near_infrared_follows(draw: Draw, pixels: Pixels, stored: Stored, settings: EditSettings, dtype: str) -> None:
    """As in NAIP: after a fire there is less vegetation, after a flood more water."""
    scene = draw(pixels(dtype, 4, 64), ALPHA="NO", photometric="RGB")
    numbers, out = edited(scene, FIRE, settings, "12,12,40,40")
    assert numbers["window"] == [0, 0, 64, 64] and set(numbers["indices"]) == {"ndvi", "ndwi"}
    before, after = numbers["indices"]["ndvi"]
    assert after < before - 0.05
    assert (stored(out) != stored(scene)).any((1, 2)).all()
    before, after = edited(scene, "A flood covers the forest", settings, "12,12,40,40")[0]["indices"]["ndwi"]
    assert after > before + 0.05


def test_all_of_thirteen_bands_follow(draw: Draw, pixels: Pixels, stored: Stored, settings: EditSettings) -> None:
    values = pixels("uint16", 13, 32)
    values = values[[3, 2, 1, 0, 4, 5, 6, 7, 8, 9, 10, 11, 12]]  # blue before red
    scene = draw(values, photometric="MINISBLACK", compress="DEFLATE")
    numbers, out = edited(scene, FIRE, settings, "4,4,24,24")
    inside = np.zeros((32, 32), bool)
    inside[4:28, 4:28] = True
    after = stored(out)
    moved = (after != values)[:, inside].mean(1)
    assert (moved > 0.05).all() and np.ptp(moved) < 0.2
    assert after[:, ~inside].tobytes() == values[:, ~inside].tobytes()
    assert set(numbers["indices"]) == {"ndvi", "ndwi", "nbr"}
    assert all(numbers["indices"][name][1] < numbers["indices"][name][0] for name in ("ndvi", "nbr"))


def test_indices_are_of_measured_values_that_have_data(draw: Draw, pixels: Pixels) -> None:
    values = pixels("float32", 4)
    values[:, :20] = np.nan
    scene = draw(values, photometric="RGB", ALPHA="NO", scales=[2.0] * 4, offsets=[-0.01] * 4)
    document = open_document(scene)
    found = document.measured(1 - document.pixels, torch.ones(96, 96))["indices"]["ndvi"][0]
    red, near = (values[band, 20:].astype(np.float64) * 2 - 0.01 for band in (0, 3))
    assert found == pytest.approx(float(((near - red) / (near + red)).mean()), abs=1e-4)


class Reads:
    """How many pixels rasterio's datasets were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pixels = 0
        counted = self

        class Dataset:
            def __init__(self, file: Any) -> None:
                self._file = file

            def __getattr__(self, name: str) -> Any:
                found = getattr(self._file, name)
                if name not in ("read", "read_masks", "dataset_mask"):
                    return found

                def read(*arguments: Any, **how: Any) -> Any:
                    result = found(*arguments, **how)
                    counted.pixels += result.shape[-1] * result.shape[-2]
                    return result

                return read

            def __enter__(self) -> Dataset:
                self._file.__enter__()
                return self

            def __exit__(self, *error: Any) -> None:
                self._file.__exit__(*error)

        library = source_module.rasterio()
        real = library.open
        monkeypatch.setattr(library, "open", lambda *a, **k: Dataset(real(*a, **k)))


@pytest.mark.usefixtures("quick")
def test_of_a_large_scene_only_the_window_is_read(
    tmp_path: Path, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, side = tmp_path / "large.tif", 8000
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint16", "crs": "EPSG:32610"}
    place = rasterio.Affine(10, 0, 5e5, 0, -10, 41e5)
    tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "DEFLATE", "SPARSE_OK": True}
    with rasterio.open(scene, "w", transform=place, **profile, **tiles) as file:
        file.write(pixels("uint16"), window=rasterio.windows.Window(6400, 1280, 96, 96))
    reads = Reads(monkeypatch)
    assert isinstance(open_for_edit(scene, "6420,1300,40,40"), GeoDocument)
    edit_file(scene, FIRE, tmp_path / "out.tif", roi="6420,1300,40,40")
    assert 96 * 96 < reads.pixels < 8 * 96 * 96
    with rasterio.open(scene) as old, rasterio.open(tmp_path / "out.tif") as new:
        part = rasterio.windows.Window(6400, 1280, 96, 96)
        before, after = old.read(window=part), new.read(window=part)
    inside = np.zeros((96, 96), bool)
    inside[20:60, 20:60] = True
    assert (before[:, ~inside] == after[:, ~inside]).all() and (before != after)[:, inside].mean() > 0.9
    assert (tmp_path / "out.tif").stat().st_size < scene.stat().st_size + 100_000


def test_a_mask_in_a_window() -> None:
    region = Region(Window(10, 20, 14, 26), np.arange(24).reshape(4, 6) % 2 == 0)
    whole = np.zeros((40, 40), bool)
    whole[10:14, 20:26] = region.mask
    for window in (Window(0, 0, 40, 40), Window(12, 22, 30, 24), Window(5, 5, 11, 21), Window(30, 30, 40, 40)):
        assert (mask_in(region, window) == whole[window.top : window.bottom, window.left : window.right]).all()


def test_windows_that_are_too_small_or_too_large(draw: Draw, pixels: Pixels) -> None:
    low = draw(pixels()[:, :31], "low.tif")
    for roi in (None, "0,0,5,5"):
        with pytest.raises(InputError, match=r"low\.tif is \d+×31 px, below the 32 px a side must have; use"):
            open_window(low, roi)
    source = open_window(draw(pixels())).source
    with pytest.raises(InputError, match=r"is 3000×100 px, above the 2048 px a side may have; give a smaller region"):
        check_window(Window(0, 0, 100, 3000), source)


def test_nothing_but_no_data(draw: Draw, pixels: Pixels) -> None:
    values = np.maximum(pixels(), 1)
    values[:, :80] = 0
    scene = draw(values, nodata=0)
    assert not open_window(scene, "0,60,40,30").valid[:40].any()
    with pytest.raises(InputError, match=r"scene\.tif has no data in the region: .*; choose another region\.$"):
        open_window(scene, "10,30,40,40")
    with pytest.raises(InputError, match=r"has no data there: all is nodata or ignored; choose another region\.$"):
        open_window(draw(values * 0, "empty.tif", nodata=0))
    with pytest.raises(InputError, match=r"has no data there: all is nodata or ignored; choose another region\.$"):
        open_window(scene, ignore="0,80,96,16")


def test_a_region_of_the_whole_scene_is_none(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels())
    assert open_window(scene, "0,0,96,96").roi is None
    part = open_window(scene, "0,0,96,95").roi
    assert part is not None and part.sum() == 96 * 95


def test_an_edit_without_change_is_a_copy(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels("float32"), overviews=[2])
    document, out = open_document(scene, "24,24,48,48"), scene.with_name("out.tif")
    document.write(out, document.pixels.clone(), torch.ones(96, 96))
    assert out.read_bytes() == scene.read_bytes()
