"""Every kind of picture comes in, and comes out with the bits it had wherever nothing was changed."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.rasters import files
from comfyui_sinddm_rs.rasters.files import check_output, read_raster, write_raster, write_rgb
from comfyui_sinddm_rs.rasters.raster import MAX_SIDE, MIN_SIDE, raster_from_array
from PIL import Image

SIDE = 40
GEOTIFFS = Path(__file__).parents[3] / "shared" / "data" / "geotiff"


def noise(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return generator.normal(50, 400, shape).astype(dtype)
    info = np.iinfo(dtype)
    return generator.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def save_png(path: Path, mode: str) -> np.ndarray:
    """A picture of a Pillow mode; returns the visible values [H, W, C] with alpha."""
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
    if mode in channels:
        image = Image.fromarray(noise(SIDE, SIDE + 3, channels[mode]).squeeze())
    elif mode == "1":
        image = Image.fromarray(noise(SIDE, SIDE + 3)).convert("1")
    else:
        image = Image.fromarray(noise(SIDE, SIDE + 3, 3)).quantize(17)
    image.save(path)
    return np.atleast_3d(np.asarray(image.convert({"1": "L", "P": "RGB"}.get(mode, mode))))


def all_values(path: Path) -> np.ndarray:
    raster = read_raster(path)
    return raster.stored if raster.alpha is None else np.dstack([raster.stored, raster.alpha])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pillow_modes_survive_unchanged(tmp_path: Path, mode: str, suffix: str) -> None:
    expected = save_png(tmp_path / "in.png", mode)
    raster = read_raster(tmp_path / "in.png")
    assert raster.pixels.shape == (raster.bands, SIDE, SIDE + 3)
    assert raster.bands == {"1": 1, "L": 1, "LA": 1}.get(mode, 3)
    out = tmp_path / f"out{suffix}"
    write_raster(out, raster.pixels, raster)
    np.testing.assert_array_equal(all_values(out), expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_keeps_all_bits_profile_and_resolution(tmp_path: Path, channels: int) -> None:
    values = noise(SIDE, SIDE, channels, dtype="uint16")
    first = raster_from_array(values[..., : 3 if channels > 2 else 1], values[..., -1] if channels in (2, 4) else None)
    write_raster(tmp_path / "a.png", first.pixels, first)
    np.testing.assert_array_equal(all_values(tmp_path / "a.png"), values)
    assert imagecodecs.png_decode((tmp_path / "a.png").read_bytes()).dtype == np.uint16


def test_profile_resolution_and_exif_travel(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "camera"
    picture = Image.fromarray(noise(SIDE, SIDE, 3))
    picture.save(tmp_path / "a.png", icc_profile=b"profile", dpi=(300, 300), exif=exif)
    raster = read_raster(tmp_path / "a.png")
    write_raster(tmp_path / "b.png", raster.pixels, raster)
    deep = raster_from_array(noise(SIDE, SIDE, 3, dtype="uint16"), metadata=raster.metadata)
    write_raster(tmp_path / "c.png", deep.pixels, deep)
    for name in ("b.png", "c.png"):
        with Image.open(tmp_path / name) as written:
            assert written.info["icc_profile"] == b"profile"
            assert written.info["dpi"][0] == pytest.approx(300, abs=0.1)
            assert written.getexif()[0x0110] == "camera"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 6])
def test_tiff_types_and_bands_are_exact_outside_the_change(tmp_path: Path, dtype: str, bands: int) -> None:
    values = noise(SIDE, SIDE, bands, dtype=dtype)
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="minisblack", planarconfig=None if bands == 1 else "contig"
    )
    raster = read_raster(tmp_path / "a.tif")
    assert raster.bands == bands and raster.alpha is None
    assert float(raster.pixels.min()) >= 0 and float(raster.pixels.max()) <= 1
    changed = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    changed[5:15, 7:20] = True
    write_raster(tmp_path / "b.tif", 1 - raster.pixels, raster, changed)
    again = read_raster(tmp_path / "b.tif")
    assert again.stored.dtype == values.dtype
    kept = ~changed.numpy()
    np.testing.assert_array_equal(again.stored[kept], values[kept])
    assert (again.stored[~kept] != values[~kept]).mean() > 0.9


def test_planar_tiff_big_endian_and_near_infrared_band(tmp_path: Path) -> None:
    values = noise(4, SIDE, SIDE, dtype="uint16").astype(">u2")
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        photometric="rgb",
        planarconfig="separate",
        extrasamples=["unspecified"],
        byteorder=">",
    )
    raster = read_raster(tmp_path / "a.tif")
    assert raster.alpha is None and raster.bands == 4
    np.testing.assert_array_equal(raster.stored, values.transpose(1, 2, 0))


def test_alpha_of_a_tiff_is_not_a_band(tmp_path: Path) -> None:
    values = noise(SIDE, SIDE, 5)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha", "unspecified"])
    raster = read_raster(tmp_path / "a.tif")
    assert raster.bands == 4 and raster.alpha is not None
    np.testing.assert_array_equal(raster.alpha, values[..., 3])
    write_raster(tmp_path / "b.tif", raster.pixels, raster)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), values)


@pytest.mark.parametrize("mode", ["1", "P", "CMYK"])
def test_tiff_colour_models(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(noise(SIDE, SIDE, 3)).convert(mode)
    image.save(tmp_path / "a.tif")
    expected = np.atleast_3d(np.asarray(image.convert("L" if mode == "1" else "RGB")))
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").stored, expected)


def test_inverted_grey_tiff(tmp_path: Path) -> None:
    values = noise(SIDE, SIDE)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").stored[..., 0], 255 - values)


def test_cmyk_jpeg_is_read_as_rgb(tmp_path: Path) -> None:
    Image.fromarray(noise(SIDE, SIDE, 3)).convert("CMYK").save(tmp_path / "a.jpg")
    assert read_raster(tmp_path / "a.jpg").bands == 3


def test_colour_key_becomes_alpha(tmp_path: Path) -> None:
    values = noise(SIDE, SIDE, 3)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=tuple(int(v) for v in values[0, 0]))
    alpha = read_raster(tmp_path / "a.png").alpha
    assert alpha is not None and alpha[0, 0] == 0 and alpha.max() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "deep.png", "palette.tif"])
def test_orientation_is_applied_once(tmp_path: Path, orientation: int, name: str) -> None:
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: np.rot90,
    }
    values = np.zeros((SIDE, SIDE + 10), np.uint8)
    values[: SIDE // 2, : SIDE // 2] = 255
    values[: SIDE // 2, SIDE // 2 :] = 120
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / name
    image = Image.fromarray(values).convert("P" if name == "palette.tif" else "L")
    if name == "deep.png":
        png = imagecodecs.png_encode(values.astype(np.uint16) * 257)
        data = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = (len(data) - 4).to_bytes(4, "big") + data + crc(data)
        path.write_bytes(png[:33] + chunk + png[33:])
    else:
        image.save(path, exif=exif, **({"quality": 100} if name.endswith("jpg") else {}))
    raster = read_raster(path)
    got = (raster.pixels[0].numpy() * 255).round()
    assert got.shape == turns[orientation](values).shape
    assert np.abs(got - turns[orientation](values).astype(float)).max() <= 4
    out = path.with_name(f"out{path.suffix}")
    write_raster(out, raster.pixels, raster)
    with Image.open(out) as written:
        assert written.getexif().get(274, 1) == 1


def crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def test_webp_is_lossless_and_jpeg_is_near(tmp_path: Path) -> None:
    smooth = np.asarray(Image.fromarray(noise(5, 5, 4)).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    raster = raster_from_array(smooth[..., :3].copy(), smooth[..., 3].copy())
    write_raster(tmp_path / "a.webp", raster.pixels, raster)
    np.testing.assert_array_equal(all_values(tmp_path / "a.webp"), smooth)
    opaque = raster_from_array(smooth[..., :3].copy())
    write_raster(tmp_path / "a.jpg", opaque.pixels, opaque)
    difference = read_raster(tmp_path / "a.jpg").stored.astype(int) - smooth[..., :3]
    assert np.abs(difference).max() <= 4


@pytest.mark.parametrize(
    ("bands", "dtype", "suffix", "word"),
    [
        (3, "uint8", ".jpg", "transparency"),
        (3, "uint16", ".jpg", "uint16 values"),
        (4, "uint8", ".png", "4 bands"),
        (3, "float32", ".png", "float32 values"),
        (1, "uint8", ".webp", "grey pictures"),
    ],
)
def test_a_format_that_would_lose_something_is_refused(
    tmp_path: Path, bands: int, dtype: str, suffix: str, word: str
) -> None:
    raster = raster_from_array(
        noise(SIDE, SIDE, bands, dtype=dtype), noise(SIDE, SIDE) if word == "transparency" else None
    )
    with pytest.raises(OutputError, match=word):
        write_raster(tmp_path / f"a{suffix}", raster.pixels, raster)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("side", [MIN_SIDE, MAX_SIDE])
def test_sizes_at_the_limits(tmp_path: Path, side: int) -> None:
    Image.fromarray(noise(MIN_SIDE, side, 3)).save(tmp_path / "a.png")
    assert read_raster(tmp_path / "a.png").size == (MIN_SIDE, side)


def png_bytes(height: int, width: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(noise(height, width, 3)).save(out, "PNG")
    return out.getvalue()


def tiff_bytes(values: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


def deep_png_bytes() -> bytes:
    return bytes(imagecodecs.png_encode(noise(SIDE, SIDE, 3, dtype="uint16")))


BAD_FILES = {
    "empty": (b"", "is empty"),
    "text": (b"not a picture at all", "not a PNG, JPEG, WebP or TIFF"),
    "below the smallest": (png_bytes(MIN_SIDE - 1, 64), "below the 32 px"),
    "above the largest": (png_bytes(MIN_SIDE, MAX_SIDE + 1), "above the 2048 px"),
    "truncated png": (png_bytes(SIDE, SIDE)[:900], "damaged or incomplete"),
    "truncated 16-bit png": (deep_png_bytes()[:2000], "damaged or incomplete"),
    "truncated tiff": (tiff_bytes(noise(SIDE, SIDE, 3), photometric="rgb")[:3000], "damaged or incomplete"),
    "tiff head only": (b"II*\0", "damaged or incomplete"),
    "one colour": (tiff_bytes(np.full((SIDE, SIDE, 3), 7, np.uint8), photometric="rgb"), "one colour"),
    "nan": (tiff_bytes(np.where(np.eye(SIDE), np.nan, 1).astype(np.float32)), "NaN"),
    "infinity": (tiff_bytes(np.where(np.eye(SIDE), np.inf, 1).astype(np.float32)), "infinite"),
    "complex": (tiff_bytes(np.eye(SIDE, dtype=np.complex64)), "not real numbers"),
    "several pages": (tiff_bytes(noise(3, SIDE, SIDE), photometric="minisblack"), "holds 3 pictures"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_end_in_one_sentence(tmp_path: Path, case: str) -> None:
    data, word = BAD_FILES[case]
    path = tmp_path / "picture.any"
    path.write_bytes(data)
    with pytest.raises(InputError, match=word) as caught:
        read_raster(path)
    message = str(caught.value)
    assert str(path) in message and "; " in message and message.endswith(".") and "\n" not in message


@pytest.mark.parametrize(("path", "word"), [("missing.png", "does not exist"), (".", "is a folder")])
def test_paths_that_are_no_file(tmp_path: Path, path: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        read_raster(tmp_path / path)


@pytest.mark.parametrize("side", [10_000, 40_000])
def test_decompression_bomb(tmp_path: Path, side: int) -> None:
    # Black pictures pack to little: a header that promises much is enough, since nothing may be unpacked.
    data = bytearray(png_bytes(SIDE, SIDE))
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = crc(bytes(data[12:29]))
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(InputError, match="far more pixels"):
        read_raster(tmp_path / "bomb.png")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif", "deep"])
def test_damaged_bytes_never_leak_another_error(tmp_path: Path, kind: str, seed: int) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "deep":
        path.write_bytes(deep_png_bytes())
    else:
        Image.fromarray(noise(SIDE, SIDE, 3)).save(path)
    data = bytearray(path.read_bytes())
    generator = np.random.default_rng(seed)
    for place in generator.integers(4, min(len(data), 400), 12):
        data[place] = generator.integers(256)
    path.write_bytes(data)
    try:
        read_raster(path)
    except InputError as error:
        assert "\n" not in str(error)


def test_an_edit_of_another_shape_or_with_nan_is_refused(tmp_path: Path) -> None:
    raster = raster_from_array(noise(SIDE, SIDE, 3))
    for edit, changed, word in (
        (raster.pixels[:, 1:], None, "shape"),
        (raster.pixels, torch.ones(3, 3), "change mask"),
        (raster.pixels * float("nan"), None, "NaN"),
    ):
        with pytest.raises(InputError, match=word):
            write_raster(tmp_path / "a.png", edit, raster, changed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a.bmp", "name end in"),
        ("no/such/a.png", "does not exist"),
        ("a", "name end in"),
        ("folder.png", "is a folder"),
    ],
)
def test_output_paths_that_cannot_be(tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=word):
        check_output(tmp_path / name)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_read_only_places(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "a.png"
    target.write_bytes(b"old")
    place = target if what == "file" else folder
    mode = place.stat().st_mode
    place.chmod(0o444 if what == "file" else 0o555)
    try:
        with pytest.raises(OutputError, match="read-only"):
            write_rgb(target, torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))
    finally:
        place.chmod(mode)
    assert target.read_bytes() == b"old" and list(folder.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        write_rgb(target, torch.zeros(1, SIDE, SIDE))
    monkeypatch.undo()
    assert target.read_bytes() == b"old" and list(tmp_path.iterdir()) == [target]


def test_rgb_for_reports(tmp_path: Path) -> None:
    grey = torch.linspace(0, 1, SIDE).expand(1, SIDE, SIDE)
    write_rgb(tmp_path / "a.png", grey)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "RGB" and image.getpixel((SIDE - 1, 0)) == (255, 255, 255)


READABLE = [
    "aerial_cog_internal_mask",
    "aerial_cog_ycbcr_mask_snow",
    "aerial_internal_mask",
    "drone_rgba_utm50s",
    "int16_scale_offset",
    "landsat8_b4_uint16",
    "landsat8_rgb_small",
    "landsat_cog_uint16_nodata0",
    "landsat_rgb_byte_nodata0",
    "landsat_uint16_epsg4326",
    "naip_4band_forest",
    "neon_rgb_nodata255",
    "sentinel1_uint16_gcps",
    "worldview_ms_float64",
]


@pytest.mark.parametrize("name", READABLE)
def test_real_geotiffs_keep_values_and_tags(tmp_path: Path, name: str) -> None:
    source = GEOTIFFS / f"{name}.tif"
    if not source.is_file():
        pytest.skip(f"needs {source.name} of the shared data, which is not beside the project")
    raster = read_raster(source)
    write_raster(tmp_path / "out.tif", raster.pixels, raster)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(tmp_path / "out.tif") as after:
        np.testing.assert_array_equal(after.pages[0].asarray(), before.pages[0].asarray())
        for code in (33550, 33922, 34735, 34736, 34737, 42112, 42113):
            old, new = before.pages[0].tags.get(code), after.pages[0].tags.get(code)
            assert (old is None) == (new is None), code
            assert old is None or np.array_equal(old.value, new.value), code
        assert before.pages[0].extrasamples == after.pages[0].extrasamples


@pytest.mark.parametrize(
    ("name", "word"),
    [("float32_nodata", "NaN"), ("tiny_float32_nan", "below the 32 px"), ("tiny_rotated", "below the 32 px")],
)
def test_real_geotiffs_that_are_refused(name: str, word: str) -> None:
    source = GEOTIFFS / f"{name}.tif"
    if not source.is_file():
        pytest.skip(f"needs {source.name} of the shared data, which is not beside the project")
    with pytest.raises(InputError, match=word):
        read_raster(source)
