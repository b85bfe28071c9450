"""What is known of a raster, and which of its pixels have data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.geo.documents import edit_file
from comfyui_sinddm_rs.geo.source import GeoSource, open_source, opened, pixels_of, read_coarse, read_part
from comfyui_sinddm_rs.guidance.regions import Window

rasterio = pytest.importorskip("rasterio")

Draw = Callable[..., Path]
Pixels = Callable[..., np.ndarray]

WHOLE = Window(0, 0, 96, 96)


def test_what_is_known(draw: Draw, pixels: Pixels) -> None:
    scene = draw(
        pixels("uint16", 5),
        nodata=0,
        descriptions=["a", "b", None, "d", "opacity"],
        colours=["blue", "green", "red", "nir", "alpha"],
        scales=[2.0] * 5,
        offsets=[-1.0] * 5,
        overviews=[2, 4],
        tiled=True,
        blockxsize=32,
        blockysize=16,
        compress="LZW",
    )
    source = open_source(scene)
    assert source.size == (96, 96) and source.dtype == "uint16" and source.blocks == (16, 32)
    assert source.colours == ("blue", "green", "red", "nir", "alpha") and source.alpha == 4
    assert source.bands == (0, 1, 2, 3) and source.descriptions == ("a", "b", None, "d", "opacity")
    assert source.nodata == (0.0,) * 5 and source.overviews == (2, 4)
    assert source.crs == rasterio.crs.CRS.from_epsg(32610) and source.transform.c == 500_000
    assert (source.compression, source.lossy, source.notes) == ("LZW", False, ())
    assert source.scales == (2.0,) * 5 and source.offsets == (-1.0,) * 5
    assert source.limits == (0, 65_535)


def test_fewer_bits_than_the_type_has(draw: Draw, pixels: Pixels, stored: Callable[[Path], np.ndarray]) -> None:
    values = np.minimum(pixels("uint16") // 2, 4095).astype(np.uint16)
    values[:, :48] = 4095
    scene = draw(values, NBITS=12)
    assert open_source(scene).limits == (0, 4095)
    edit_file(scene, "snow", scene.with_name("out.tif"), roi="20,20,60,60")
    assert stored(scene.with_name("out.tif")).max() <= 4095


def test_a_fourth_band_that_gdal_takes_for_alpha(draw: Draw, pixels: Pixels) -> None:
    """GDAL calls it so in every file of four bands of bytes that is written without further words."""
    values = pixels("uint8", 4)
    assert open_source(draw(values)).colours[3] == "alpha" and open_source(draw(values)).alpha == 3
    near = open_source(draw(values, descriptions=["Red", "Green", "Blue", "NIR"]))
    assert near.alpha is None and near.bands == (0, 1, 2, 3)
    for name in ("Alpha", "Band 4", None):
        assert open_source(draw(values, descriptions=["Red", "Green", "Blue", name])).alpha == 3


def test_stored_with_loss(draw: Draw, pixels: Pixels) -> None:
    kinds = {"JPEG": True, "WEBP": True, "LERC": True, "DEFLATE": False, "LZW": False, "ZSTD": False}
    found = {kind: open_source(draw(pixels(), f"{kind}.tif", compress=kind)).lossy for kind in kinds}
    assert found == kinds
    ycbcr = draw(pixels(), "ycbcr.tif", compress="JPEG", photometric="YCBCR", interleave="pixel")
    assert open_source(ycbcr).lossy and not open_source(draw(pixels(), "none.tif")).lossy


def no_data(kind: str, draw: Draw, pixels: Pixels) -> GeoSource:
    """A scene whose rows above 40 have no data."""
    mask = np.full((96, 96), 255, np.uint8)
    mask[:40] = 0
    values = pixels("float32" if kind in ("NaN", "infinite", "float") else "uint8", 4 if kind == "alpha" else 3)
    if kind == "mask":
        return open_source(draw(values, mask=mask))
    if kind == "alpha":
        values[3] = mask
        return open_source(draw(values, colours=["red", "green", "blue", "alpha"]))
    if kind == "one band":
        values[1, :40] = 0
        values[:, 40:] = np.maximum(values[:, 40:], 1)
        return open_source(draw(values, nodata=0))
    values[:, :40] = {"NaN": np.nan, "infinite": np.inf, "float": -9999.0}[kind]
    return open_source(draw(values, nodata=-9999.0 if kind == "float" else None))


@pytest.mark.parametrize("kind", ["mask", "alpha", "one band", "NaN", "infinite", "float"])
def test_where_there_is_data(draw: Draw, pixels: Pixels, kind: str) -> None:
    source = no_data(kind, draw, pixels)
    part = read_part(source, WHOLE)
    assert part.stored.shape == (96, 96, 3) and part.stored.flags.c_contiguous
    assert not part.valid[:40].any() and part.valid[40:].all()
    inner = read_part(source, Window(30, 20, 60, 90))
    assert (inner.valid == part.valid[30:60, 20:90]).all()
    assert inner.stored.tobytes() == np.ascontiguousarray(part.stored[30:60, 20:90]).tobytes()


@pytest.mark.parametrize("kind", ["mask", "alpha", "NaN", "float"])
def test_a_scene_from_afar(draw: Draw, pixels: Pixels, kind: str) -> None:
    source = no_data(kind, draw, pixels)
    far = read_coarse(source, WHOLE, (24, 24))
    full = read_part(source, WHOLE).stored[40:].astype(np.float64)
    assert far.stored.shape == (24, 24, 3) and not far.valid[:10].any() and far.valid[10:].all()
    means = full.reshape(14, 4, 24, 4, 3).mean((1, 3))
    assert np.allclose(far.stored[10:], means, atol=0.51 if kind in ("mask", "alpha") else 1e-4)


def test_what_stands_for_no_data_in_all_bands_together(draw: Draw, pixels: Pixels) -> None:
    values = np.maximum(pixels(), 1)
    values[:, :40] = np.array([0, 10, 20])[:, None, None]
    values[0, 60] = 0
    source = open_source(draw(values, tags={"NODATA_VALUES": "0 10 20"}))
    assert source.nodata == (0.0, 10.0, 20.0)
    valid = read_part(source, WHOLE).valid
    assert not valid[:40].any() and valid[40:].all()


def test_a_scene_that_lies_nowhere(draw: Draw, pixels: Pixels) -> None:
    source = open_source(draw(pixels(), crs=None, transform=None, nodata=0))
    assert source.crs is None and len(source.notes) == 1 and "no CRS" in source.notes[0]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("complex64", "stores complex64 values; convert"),
        ("int64", "stores int64 values; convert"),
        ("palette", "palette; save it as grey or RGB"),
        ("missing", "does not exist"),
        ("text", "cannot be read as a raster"),
        ("cut", "damaged or incomplete|cannot be read as a raster"),
    ],
)
def test_what_cannot_be_read(draw: Draw, pixels: Pixels, kind: str, said: str, capfd: pytest.CaptureFixture) -> None:
    path = Path("missing.tif")
    if kind in ("complex64", "int64"):
        path = draw(pixels("uint16").astype(kind))
    elif kind == "palette":
        path = draw(pixels(bands=1), photometric="palette")
    elif kind == "text":
        path = draw(pixels())
        path.write_text("no picture")
    elif kind == "cut":
        path = draw(np.random.default_rng(0).integers(0, 255, (3, 96, 96)).astype(np.uint8), compress="DEFLATE")
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
    capfd.readouterr()
    with pytest.raises(InputError, match=said) as told:
        read_part(open_source(path), WHOLE)
    message = str(told.value)
    assert message.endswith(".") and message.count("; ") == 1 and "\n" not in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["mosaic.vrt", "mosaic.tif"])
def test_a_virtual_raster_reads_no_other_file(name: str, tmp_path: Path, draw: Draw, pixels: Pixels) -> None:
    draw(pixels("uint8", 1), "other.tif")
    band = '<SimpleSource><SourceFilename relativeToVRT="1">other.tif</SourceFilename></SimpleSource>'
    (tmp_path / name).write_text(
        '<VRTDataset rasterXSize="96" rasterYSize="96">'
        f'<VRTRasterBand dataType="Byte" band="1">{band}</VRTRasterBand></VRTDataset>'
    )
    with rasterio.open(tmp_path / name) as file:
        assert file.driver == "VRT"
    with pytest.raises(InputError, match="cannot be read as a raster"):
        open_source(tmp_path / name)


def test_errors_of_gdal_itself_become_one_sentence(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels())
    with pytest.raises(InputError, match=r"is damaged or incomplete \(it broke\); copy or export"), opened(scene):
        raise rasterio._err.CPLE_AppDefinedError(3, 1, "it broke.")


def test_pixels_of_map_coordinates() -> None:
    turned = rasterio.Affine(8, 3, 100, 3, -8, 900)
    columns, rows = np.array([0.0, 10.5, 96.0]), np.array([3.0, 0.0, 7.5])
    xs, ys = 8 * columns + 3 * rows + 100, 3 * columns - 8 * rows + 900
    found = pixels_of(turned, xs, ys)
    assert np.allclose(found, [columns, rows])
