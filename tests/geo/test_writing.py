"""The written file is the source's with the edit in it: nothing else of it changes, and no half of one stays behind."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from comfyui_sinddm_rs.errors import OutputError
from comfyui_sinddm_rs.geo import writing
from comfyui_sinddm_rs.geo.documents import edit_file
from comfyui_sinddm_rs.geo.source import GeoSource, open_source
from comfyui_sinddm_rs.geo.writing import Writer, edited_copy
from comfyui_sinddm_rs.guidance.regions import Window

rasterio = pytest.importorskip("rasterio")
resource = pytest.importorskip("resource")

TEXT = "A fire in the forest"
ROI = "30,34,24,20"
INSIDE = np.zeros((96, 96), bool)
INSIDE[34:54, 30:54] = True
TILED = {"tiled": True, "blockxsize": 32, "blockysize": 32}
NOWHERE = [3.4028234663852886e38, float("nan")]

Draw = Callable[..., Path]
Pixels = Callable[..., np.ndarray]
Stored = Callable[[Path], np.ndarray]
Described = Callable[[Path], dict[str, Any]]


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


KINDS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "strips": ("uint8", 3, {}),
    "tiles, predictor 2": ("uint16", 4, {**TILED, "compress": "DEFLATE", "predictor": 2}),
    "predictor 3": ("float32", 3, {"compress": "LZW", "predictor": 3, "nodata": -9999.0}),
    "zstd": ("float64", 2, {**TILED, "compress": "ZSTD", "nodata": float("nan")}),
    "big endian": ("int16", 3, {"ENDIANNESS": "BIG", "nodata": -32768}),
    "BigTIFF": ("uint16", 3, {"BIGTIFF": "YES", **TILED}),
    "planes": ("uint16", 5, {"interleave": "band", **TILED, "compress": "DEFLATE"}),
    "one band": ("uint8", 1, {"nodata": 0}),
    "signed bytes": ("int8", 3, {}),
    "32 bits": ("uint32", 3, {}),
    "scale and offset": ("int16", 3, {"scales": [1e-4] * 3, "offsets": [-0.1] * 3}),
    "half floats": ("float32", 3, {"NBITS": 16, **TILED}),
    "alpha": ("uint8", 4, {"colours": ["red", "green", "blue", "alpha"]}),
    "other colours": ("uint16", 4, {"colours": ["blue", "green", "red", "nir"]}),
    "no CRS": ("uint8", 3, {"crs": None, "transform": None, "nodata": 0}),
    "turned": ("uint8", 3, {"transform": (8.0, 3.0, 500_000.0, 3.0, -8.0, 4_100_000.0)}),
}
TEXTS = {
    "descriptions": ["one", None, "three", "four", "five"],
    "tags": {"AREA_OR_POINT": "Point", "ACQUIRED": "2026-05-04", "TIFFTAG_SOFTWARE": "a camera"},
    "band_tags": {"wavelength": "490"},
}


def texts(bands: int) -> dict[str, Any]:
    return TEXTS | {"descriptions": TEXTS["descriptions"][:bands]}


def values_of(pixels: Pixels, dtype: str, bands: int) -> np.ndarray:
    if dtype == "int8":
        return (pixels("uint8", bands).astype(np.int16) // 2 - 60).astype(np.int8)
    values = pixels(dtype, bands)
    if dtype.startswith("float"):
        values[:, 2, 3] = np.nan
        values[:, 40, 40] = np.nan
    return values


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("overviews", [None, [2, 4]], ids=["plain", "overviews"])
def test_a_file_keeps_all_but_the_edit(
    draw: Draw, pixels: Pixels, stored: Stored, described: Described, kind: str, overviews: list[int] | None
) -> None:
    dtype, bands, how = KINDS[kind]
    if "transform" in how and how["transform"] is not None:
        how = how | {"transform": rasterio.Affine(*how["transform"])}
    values = values_of(pixels, dtype, bands)
    if kind == "alpha":
        values[3] = np.where(np.arange(96) < 40, 0, 255)
    scene = draw(values, overviews=overviews, **texts(bands), **how)
    out = scene.with_name("out.tif")
    edit_file(scene, TEXT, out, roi=ROI)
    before, after = stored(scene), stored(out)
    assert before.tobytes() == values.tobytes() or kind == "half floats"
    assert before[:, ~INSIDE].tobytes() == after[:, ~INSIDE].tobytes()
    assert (before[0] != after[0])[INSIDE].mean() > (0.5 if kind == "alpha" else 0.9)
    assert described(scene) == described(out)
    assert sorted(path.name for path in scene.parent.iterdir()) == ["out.tif", "scene.tif"]
    if kind == "alpha":
        assert (before[3] == after[3]).all() and (before[:, 40:, :40] == after[:, 40:, :40]).all()
    if overviews:
        with rasterio.open(scene, overview_level=0) as old, rasterio.open(out, overview_level=0) as new:
            small, edited = old.read(1), new.read(1)
        means = after[0].astype(np.float64).reshape(48, 2, 48, 2).mean((1, 3))
        where = np.isfinite(means) & (INSIDE[::2, ::2] if kind not in ("alpha", "one band") else False)
        assert (small != edited)[INSIDE[::2, ::2]].any() and (small == edited)[:10].mean() > 0.99
        assert np.allclose(edited[where], means[where], rtol=1e-3, atol=1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("how", "bands"),
    [
        ({"compress": "JPEG", "photometric": "YCBCR", "interleave": "pixel", "overviews": [2]}, 3),
        ({"compress": "JPEG", "interleave": "band", "nodata": 0}, 3),
        ({"compress": "JPEG", "photometric": "YCBCR", "interleave": "pixel", "masked": True, "overviews": [2]}, 3),
        ({"compress": "WEBP", "WEBP_LEVEL": 60, "interleave": "pixel"}, 3),
        ({"compress": "LERC", "MAX_Z_ERROR": 5, "interleave": "band"}, 5),
    ],
    ids=["YCbCr", "JPEG planes", "YCbCr with a mask", "WebP", "LERC"],
)
def test_what_was_stored_with_loss_loses_no_more(
    draw: Draw, pixels: Pixels, stored: Stored, described: Described, how: dict[str, Any], bands: int
) -> None:
    mask = np.full((96, 96), 255, np.uint8)
    mask[:20] = 0
    further = {"mask": mask} if how.get("masked") else {}
    how = {key: value for key, value in how.items() if key != "masked"}
    scales = {"scales": [0.5] * bands, "offsets": [1.0] * bands}
    scene = draw(pixels("uint8", bands), **TILED, **texts(bands), **scales, **further, **how)
    out = scene.with_name("out.tif")
    edit_file(scene, TEXT, out, roi=ROI)
    before, after = stored(scene), stored(out)
    assert before[:, ~INSIDE].tobytes() == after[:, ~INSIDE].tobytes()
    assert (before != after)[:, INSIDE].mean() > 0.9
    old, new = described(scene), described(out)
    for stores in ("compression", "predictor"):
        assert old.pop(stores) != new.pop(stores) or stores == "predictor"
    assert old == new
    assert sorted(path.name for path in scene.parent.iterdir()) == ["out.tif", "scene.tif"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("compression", ["DEFLATE", "JPEG"])
def test_ground_control_points_and_rpcs(draw: Draw, pixels: Pixels, described: Described, compression: str) -> None:
    corners = [(0, 0, 10.0, 45.0), (0, 96, 10.1, 45.0), (96, 0, 10.0, 44.9), (96, 96, 10.1, 44.9)]
    points = [rasterio.control.GroundControlPoint(*each) for each in corners]
    scene = draw(
        pixels(), crs=None, transform=None, gcps=(points, rasterio.crs.CRS.from_epsg(4326)), compress=compression
    )
    answer = edit_file(scene, TEXT, scene.with_name("out.tif"), roi=ROI)
    old, new = described(scene), described(scene.with_name("out.tif"))
    assert len(old["gcps"][0]) == 4 and answer["warnings"] == []
    assert {**old, "compression": "", "predictor": ""} == {**new, "compression": "", "predictor": ""}
    ones = [1.0] + [0.0] * 19
    rpcs = rasterio.rpc.RPC(500, 100, 45, 1, ones, ones, 48, 48, 10, 1, ones, ones, 48, 48, 0.1, 0.2)
    scene = draw(pixels(), "rpcs.tif", crs=None, transform=None, rpcs=rpcs, compress=compression)
    assert edit_file(scene, TEXT, scene.with_name("out2.tif"), roi=ROI)["warnings"] == []
    old, new = described(scene), described(scene.with_name("out2.tif"))
    assert old["rpcs"] is not None
    assert {**old, "compression": "", "predictor": ""} == {**new, "compression": "", "predictor": ""}


def blocks_of(path: Path) -> list[bytes]:
    with tifffile.TiffFile(path) as tiff:
        page, data = tiff.pages[0], path.read_bytes()
        return [
            data[at : at + size] if at else b"" for at, size in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_blocks_without_the_edit_keep_their_bytes(draw: Draw, pixels: Pixels, interleave: str) -> None:
    scene = draw(pixels("uint16"), compress="DEFLATE", interleave=interleave, tiled=True, blockxsize=16, blockysize=16)
    edit_file(scene, TEXT, scene.with_name("out.tif"), roi="34,36,10,10")
    old, new = blocks_of(scene), blocks_of(scene.with_name("out.tif"))
    edited = {6 * row + column + 36 * plane for row in (2,) for column in (2,) for plane in range(3)}
    changed = {i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b}
    assert changed == ({i for i in edited if i < 36} if interleave == "pixel" else edited)


@pytest.mark.usefixtures("quick")
def test_blocks_that_a_sparse_file_does_not_hold(draw: Draw, stored: Stored) -> None:
    values = np.zeros((1, 96, 96), np.uint8)
    values[:, 64:, 64:] = np.random.default_rng(0).integers(1, 255, (32, 32))
    scene = draw(values, SPARSE_OK=True, compress="DEFLATE", **TILED)
    assert blocks_of(scene).count(b"") == 8
    edit_file(scene, TEXT, scene.with_name("out.tif"), roi="70,70,20,20")
    assert blocks_of(scene.with_name("out.tif"))[:8] == [b""] * 8
    assert (stored(scene.with_name("out.tif"))[0, :64] == 0).all()
    assert blocks_of(scene.with_name("out.tif"))[8] != blocks_of(scene)[8]


def test_an_edit_that_changes_nothing_is_a_copy(draw: Draw, pixels: Pixels) -> None:
    values = pixels("float32")
    values[:, 3] = np.nan
    scene = draw(values, overviews=[2], compress="DEFLATE")
    source, out = open_source(scene), scene.with_name("out.tif")
    with edited_copy(source, out) as copy:
        copy.write(Window(0, 0, 96, 96), copy.read(Window(0, 0, 96, 96)))
        assert not copy.changed
    assert out.read_bytes() == scene.read_bytes()


@pytest.mark.usefixtures("quick")
def test_twice_the_same_bytes(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels("uint16"), compress="DEFLATE", overviews=[2, 4], **TILED)
    for name in ("a.tif", "b.tif"):
        edit_file(scene, TEXT, scene.with_name(name), roi=ROI)
    assert scene.with_name("a.tif").read_bytes() == scene.with_name("b.tif").read_bytes() != scene.read_bytes()


@pytest.mark.usefixtures("quick")
def test_sidecars_go_along_and_old_ones_go_away(draw: Draw, pixels: Pixels, stored: Stored) -> None:
    scene = draw(pixels(), crs=None, transform=None, nodata=0)
    (scene.parent / "scene.tfw").write_text("10\n0\n0\n-10\n500005\n4099995\n")
    (scene.parent / "scene.tif.aux.xml").write_text("<PAMDataset><SRS>EPSG:32610</SRS></PAMDataset>")
    (scene.parent / "scene_other.txt").write_text("none of its files")
    out = scene.with_name("out.v2.tif")
    (scene.parent / "out.v2.tif.ovr").write_text("overviews of an older file")
    edit_file(scene, TEXT, out, roi="map:500100,4099600,500300,4099800")
    names = sorted(path.name for path in scene.parent.glob("out*"))
    assert names == ["out.v2.tfw", "out.v2.tif", "out.v2.tif.aux.xml"]
    with rasterio.open(scene) as old, rasterio.open(out) as new:
        assert old.transform == new.transform == rasterio.Affine(10, 0, 500_000, 0, -10, 4_100_000)
        assert old.crs == new.crs == rasterio.crs.CRS.from_epsg(32610)
    assert (stored(scene) != stored(out)).any()


@pytest.mark.usefixtures("quick")
def test_overviews_and_masks_in_files_of_their_own(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels())
    mask = np.full((96, 96), 255, np.uint8)
    mask[:40] = 0
    with rasterio.Env(TIFF_USE_OVR=True, GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(scene, "r+") as file:
        file.build_overviews([2], rasterio.enums.Resampling.average)
        file.write_mask(mask)
    assert {path.suffix for path in scene.parent.iterdir()} == {".tif", ".ovr", ".msk"}
    out = scene.with_name("out.tif")
    edit_file(scene, TEXT, out, roi=ROI)
    with rasterio.open(scene) as old, rasterio.open(out) as new:
        assert (new.dataset_mask() == mask).all() and new.overviews(1) == [2]
        a, b = old.read(), new.read()
        small = new.read(1, out_shape=(48, 48))
    assert (a[:, :40] == b[:, :40]).all() and (a[:, 40:] != b[:, 40:]).any()
    means = b[0, 42:52, 32:52].astype(float).reshape(5, 2, 10, 2).mean((1, 3))
    assert np.abs(small[21:26, 16:26] - means).max() <= 1


def test_external_overviews_of_an_edit_that_changes_nothing(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels())
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(scene, "r+") as file:
        file.build_overviews([2], rasterio.enums.Resampling.average)
    with edited_copy(open_source(scene), scene.with_name("out.tif")):
        pass
    with rasterio.open(scene.with_name("out.tif")) as file:
        assert file.overviews(1) == [2]


ENDS: dict[str, Any] = {
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "GDAL": rasterio.errors.RasterioIOError("Write error at scanline 3"),
    "GDAL's own": rasterio._err.CPLE_FileIOError(3, 3, "Write error"),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("place", "end"),
    [(place, end) for place in ("write", "_renew_overviews") for end in ENDS] + [("check", "full"), ("check", "GDAL")],
)
@pytest.mark.parametrize("compression", ["DEFLATE", "JPEG"])
def test_a_full_disk_leaves_nothing_behind(
    draw: Draw, pixels: Pixels, monkeypatch: pytest.MonkeyPatch, place: str, end: str, compression: str
) -> None:
    scene = draw(pixels(), compress=compression, overviews=[2])
    scene.with_name("out.tif").write_bytes(b"from before")
    before = listing(scene.parent)

    def fail(*_: Any) -> None:
        raise ENDS[end]

    monkeypatch.setattr(*((writing, place) if place.startswith("_") else (Writer, place)), fail)
    with pytest.raises(OutputError, match=r"out\.tif cannot be written[^;]*; [^;]*free some space\.$"):
        edit_file(scene, TEXT, scene.with_name("out.tif"), roi=ROI)
    assert listing(scene.parent) == before


@pytest.mark.parametrize("compression", ["DEFLATE", "JPEG"])
@pytest.mark.parametrize("room", [100, 8_000, 30_000])
def test_a_disk_that_is_full_when_gdal_closes_the_file(draw: Draw, compression: str, room: int, tmp_path: Path) -> None:
    """GDAL says nothing of it. Python's own limit of a file's size stands for the disk."""
    scene = draw(np.zeros((3, 160, 160), np.uint8), compress=compression, overviews=[2], **TILED)
    source, before = open_source(scene), listing(tmp_path)
    noise = np.random.default_rng(0).integers(0, 255, (140, 140, 3)).astype(np.uint8)
    limits, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (scene.stat().st_size + room, limits[1]))
        with pytest.raises(OutputError, match=r"out\.tif cannot be written.*free some space\.$"):  # noqa: SIM117
            with edited_copy(source, tmp_path / "out.tif") as copy:
                copy.write(Window(10, 10, 150, 150), noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, action)
    assert listing(tmp_path) == before


@pytest.mark.usefixtures("quick")
def test_too_little_space_is_said_before_anything_is_written(
    draw: Draw, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = draw(pixels())
    before = listing(scene.parent)
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match=r"^[^;]*out\.tif needs 0 MB and 0 MB are free; free some space first\.$"):
        edit_file(scene, TEXT, scene.with_name("out.tif"), roi=ROI)
    assert listing(scene.parent) == before


def test_a_stop_leaves_nothing_behind(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels())
    before = listing(scene.parent)
    with pytest.raises(KeyboardInterrupt), edited_copy(open_source(scene), scene.with_name("out.tif")) as copy:
        assert len(listing(scene.parent)) > len(before)
        copy.write(Window(0, 0, 40, 40), np.zeros((40, 40, 3), np.uint8))
        raise KeyboardInterrupt
    assert listing(scene.parent) == before


@pytest.mark.usefixtures("quick")
def test_outputs_that_cannot_be(draw: Draw, pixels: Pixels) -> None:
    scene = draw(pixels())
    (scene.parent / "locked").mkdir()
    (scene.parent / "locked").chmod(0o555)
    (scene.parent / "link.tif").symlink_to(scene)
    mask = draw(np.ones((1, 96, 96), np.uint8), "mask.tif")
    before = listing(scene.parent)
    for name, said in {
        "scene.tif": "is the source itself",
        "link.tif": "is the source itself",
        "mask.tif": "another input",
        "out.png": r"let its name end in \.tif\.",
        "locked/out.tif": "is read-only",
        "missing/out.tif": "does not exist",
    }.items():
        with pytest.raises(OutputError, match=said) as told:
            edit_file(scene, TEXT, scene.parent / name, roi=str(mask))
        assert str(told.value).endswith(".") and str(told.value).count("; ") <= 1
    assert listing(scene.parent) == before


def test_reading_what_was_written(draw: Draw, pixels: Pixels) -> None:
    values = pixels("uint8", 4)
    values[3] = 255
    scene = draw(values, colours=["red", "green", "blue", "alpha"])
    source: GeoSource = open_source(scene)
    part = Window(10, 20, 30, 50)
    with edited_copy(source, scene.with_name("out.tif")) as copy:
        assert (copy.read(part) == values[:3, 10:30, 20:50].transpose(1, 2, 0)).all()
        copy.write(part, np.full((20, 30, 3), 7, np.uint8))
        assert (copy.read(part) == 7).all() and copy.changed
        assert (copy.read(Window(0, 0, 10, 96)) == values[:3, :10].transpose(1, 2, 0)).all()
