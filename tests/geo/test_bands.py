"""Which band is which, and stored values as a picture and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.geo.bands import Bands, find_bands, find_stretch, measured, parse_rgb, units, with_room
from comfyui_sinddm_rs.geo.source import open_source

rasterio = pytest.importorskip("rasterio")

Draw = Callable[..., Path]
Pixels = Callable[..., np.ndarray]

SENTINEL_2 = [f"B{name}" for name in ("01", "02", "03", "04", "05", "06", "07", "08", "8A", "09", "10", "11", "12")]
ALL_ROLES = [None, "blue", "green", "red", *["rededge"] * 3, "nir", "nir", None, None, "swir", "swir"]


def found(draw: Draw, count: int, dtype: str = "uint16", rgb: tuple[int, ...] | None = None, **how: object) -> Bands:
    values = np.arange(count * 4).reshape(count, 2, 2).astype(dtype)
    return find_bands(open_source(draw(values, **how)), rgb)


def in_file(bands: Bands) -> list[str | None]:
    return [bands.roles[bands.order.index(i)] for i in range(len(bands.order))]


@pytest.mark.parametrize(
    "descriptions",
    [
        None,
        SENTINEL_2,
        [f"{name} ({400 + 40 * i} nm)" for i, name in enumerate(SENTINEL_2)],
        [name.replace("B0", "B") for name in SENTINEL_2],
        [name.replace("B", "Band ") for name in SENTINEL_2],
        [f"Sentinel-2 {name}" for name in SENTINEL_2],
    ],
    ids=["none", "B02", "B02 (490 nm)", "B2", "Band 02", "Sentinel-2 B02"],
)
def test_a_stack_of_sentinel_2(draw: Draw, descriptions: list[str] | None) -> None:
    bands = found(draw, 13, descriptions=descriptions, photometric="MINISBLACK")
    assert in_file(bands) == ALL_ROLES
    assert bands.order[:3] == (3, 2, 1) and sorted(bands.order) == list(range(13))
    assert bands.roles[:3] == ("red", "green", "blue")


@pytest.mark.parametrize(
    ("descriptions", "roles"),
    [
        (["B02 (490 nm)", "B03 (560 nm)", "B04 (665 nm)", "B08 (842 nm)"], ["blue", "green", "red", "nir"]),
        (["B8A", "B04", "B03", "B02"], ["nir", "red", "green", "blue"]),
        (["SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"], ["blue", "green", "red", "nir", "swir", "swir"]),
        (["SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7"], ["blue", "green", "red", "nir", "swir", "swir"]),
        (["LC08_B4", "LC08_B3", "LC08_B2", "LC08_B5"], ["red", "green", "blue", "nir"]),
        (["nir", "red", "green", "blue", "Red Edge 1", "swir 2"], ["nir", "red", "green", "blue", "rededge", "swir"]),
        (["Near Infrared", "RED", "Green", "Blue"], ["nir", "red", "green", "blue"]),
        (["Red", "Green", "Blue", "Alpha Centauri", "RE1", "B"], ["red", "green", "blue", None, "rededge", "blue"]),
        (["NIR (832.8 nm)", "R", "G", "B"], ["nir", "red", "green", "blue"]),
        (["rededge740", "elevation", "shortwave infrared"], ["rededge", None, "swir"]),
        (["infrared of a kind", "something", None, "B"], [None, None, None, "blue"]),
    ],
)
def test_descriptions(draw: Draw, descriptions: list[str | None], roles: list[str | None]) -> None:
    assert in_file(found(draw, len(roles), descriptions=descriptions, photometric="MINISBLACK")) == roles


def test_colour_interpretation(draw: Draw) -> None:
    naip = found(draw, 4, "uint8", ALPHA="NO")
    assert naip == Bands((0, 1, 2, 3), ("red", "green", "blue", "nir"))
    told = found(draw, 4, "uint8", ALPHA="NO", descriptions=["", "", "", "height"])
    assert told.roles == ("red", "green", "blue", None)
    alpha = found(draw, 4, "uint8", colours=["red", "green", "blue", "alpha"])
    assert alpha == Bands((0, 1, 2), ("red", "green", "blue"))
    reverse = found(draw, 4, colours=["nir", "blue", "green", "red"])
    assert reverse == Bands((3, 2, 1, 0), ("red", "green", "blue", "nir"))
    alpha_first = found(draw, 4, colours=["alpha", "blue", "green", "red"])
    assert alpha_first == Bands((2, 1, 0), ("red", "green", "blue"))


def test_bands_of_no_known_role(draw: Draw) -> None:
    for count in (1, 2, 3, 5):
        bands = found(draw, count, photometric="MINISBLACK")
        assert bands == Bands(tuple(range(count)), (None,) * count)


def test_chosen_bands(draw: Draw) -> None:
    bands = found(draw, 5, rgb=(5, 3, 1), photometric="MINISBLACK")
    assert bands == Bands((4, 2, 0, 1, 3), ("red", "green", "blue", None, None))
    stack = found(draw, 13, descriptions=SENTINEL_2, photometric="MINISBLACK", rgb=(8, 4, 3))
    assert stack.order[:3] == (7, 3, 2) and stack.roles[:3] == ("red", "green", "blue")
    assert "blue" not in stack.roles[3:] and stack.roles.count("nir") == 1
    for wrong in ((0, 1, 2), (4, 5, 6), (1, 1, 2)):
        with pytest.raises(InputError, match=r"cannot be shown; choose three different ones of 1, 2, 3, 4, 5\.$"):
            found(draw, 5, rgb=wrong, photometric="MINISBLACK")
    with pytest.raises(InputError, match=r"different ones of 1, 2, 3\.$"):
        found(draw, 4, "uint8", rgb=(1, 2, 4), colours=["red", "green", "blue", "alpha"])


def test_the_text_of_chosen_bands() -> None:
    assert parse_rgb(" 4, 3,2 ") == (4, 3, 2)
    for wrong in ("4,3", "a,b,c", "4,3,2,1", "-1,2,3", ""):
        with pytest.raises(InputError, match=r"are not three numbers; write for example 4,3,2\.$"):
            parse_rgb(wrong)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_the_stretch_is_inverted(dtype: str) -> None:
    rng = np.random.default_rng(3)
    limits = (-1e6, 1e6) if dtype.startswith("float") else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    stored = rng.uniform(*limits, (40, 50, 2)).astype(dtype)
    bands = Bands((0, 1), (None, None))
    everywhere = np.ones((40, 50), bool)
    stretch = find_stretch(stored, everywhere, bands)
    shown = stretch.unit(stored)
    assert shown.dtype == torch.float32 and shown.shape == (2, 40, 50)
    assert float(shown.min()) == 0.0 and float(shown.max()) == 1.0
    assert stretch.restore(shown, shown, stored, everywhere).tobytes() == stored.tobytes()
    edited = shown.clone()
    edited[:, 10:20] = 0.25
    back = stretch.restore(edited, shown, stored, everywhere)
    assert back.dtype == stored.dtype
    assert np.delete(back, range(10, 20), 0).tobytes() == np.delete(stored, range(10, 20), 0).tobytes()
    inside = (shown > 0) & (shown < 1)
    wanted = stretch.low + 0.25 * (stretch.high - stretch.low)
    cut = inside[:, 10:20].numpy().transpose(1, 2, 0)
    step = max(1.0, 1e-6 * float((stretch.high - stretch.low).max()))
    assert np.abs(back[10:20].astype(np.float64) - wanted)[cut].max() <= step
    nowhere = np.zeros((40, 50), bool)
    assert stretch.restore(edited, shown, stored, nowhere).tobytes() == stored.tobytes()


def test_values_that_are_cut_off_keep_what_lies_beyond() -> None:
    stored = np.linspace(0, 10_000, 10_000).reshape(100, 100, 1).astype(np.uint16)
    stored[0, 0] = 60_000
    everywhere = np.ones((100, 100), bool)
    stretch = find_stretch(stored, everywhere, Bands((0,), (None,)))
    assert 9_800 < stretch.high[0] < 9_999
    shown = stretch.unit(stored)
    edited = shown - 0.1 * (shown > 0.5)
    back = stretch.restore(edited, shown, stored, everywhere).astype(int)
    range_shown = float(stretch.high[0] - stretch.low[0])
    assert back[0, 0, 0] == pytest.approx(60_000 - 0.1 * range_shown, abs=1)
    brighter = stretch.restore(shown + 9.0, shown, stored, everywhere)
    assert brighter.max() == 65_535 and (np.diff(brighter.ravel()[1:].astype(int)) >= 0).all()


def test_only_valid_pixels_say_what_is_black_and_white() -> None:
    stored = np.random.default_rng(0).normal(5, 1, (50, 50, 3)).astype(np.float32)
    valid = np.ones((50, 50), bool)
    valid[:30] = False
    bands = Bands((0, 1, 2), (None,) * 3)
    expected = find_stretch(stored[30:], valid[30:], bands)
    for other in (np.nan, -9999.0, 1e30):
        stored[:30] = other
        stretch = find_stretch(stored, valid, bands)
        assert (stretch.low == expected.low).all() and (stretch.high == expected.high).all()


def test_flat_bands_and_bytes() -> None:
    bands = Bands((0, 1, 2), (None,) * 3)
    valid = np.ones((20, 20), bool)
    grey = find_stretch(np.full((20, 20, 3), 40, np.uint8), valid, bands)
    assert (grey.low == 0).all() and (grey.high == 255).all()
    flat = np.full((20, 20, 3), 700, np.uint16)
    stretch = find_stretch(flat, valid, bands)
    assert np.isfinite(stretch.unit(flat).numpy()).all() and (stretch.high > stretch.low).all()
    flat[3, 4] = 900
    stretch = find_stretch(flat, valid, bands)
    assert (stretch.low == 700).all() and (stretch.high == 900).all()


def test_fewer_bits() -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64, 1)
    everywhere = np.ones((64, 64), bool)
    stretch = find_stretch(stored, everywhere, Bands((0,), (None,)), (0, 4095))
    shown = stretch.unit(stored)
    assert stretch.restore(shown + 1.0, shown, stored, everywhere).max() == 4095


def test_measured_values(draw: Draw) -> None:
    values = np.arange(16).reshape(4, 2, 2).astype(np.uint16)
    source = open_source(
        draw(values, scales=[1, 2, 3, 4], offsets=[0, -1, 0, 5], colours=["nir", "blue", "green", "red"])
    )
    bands = find_bands(source)
    stored = np.moveaxis(values, 0, -1)[..., list(bands.order)]
    expected = np.stack([values[3] * 4 + 5, values[2] * 3, values[1] * 2 - 1, values[0]], -1)
    assert (measured(stored, source, bands) == expected).all()
    stretch = find_stretch(stored, np.ones((2, 2), bool), bands)
    told = units(source, bands, stretch)
    assert told.roles == ("red", "green", "blue", "nir")
    assert told.low[0] == pytest.approx(stretch.low[0] * 4 + 5) and told.high[3] == pytest.approx(stretch.high[3])


def test_room_for_water_and_char_in_a_wood(draw: Draw) -> None:
    """Where all of a scene is bright in near infrared, what an event makes dark must still be dark."""
    values = np.random.default_rng(0).uniform(300, 900, (5, 40, 40)).astype(np.uint16)
    values[3] += 4000
    source = open_source(
        draw(values, colours=["red", "green", "blue", "nir", "undefined"], scales=[1, 1, 1, 0.5, 1], photometric="RGB",
             offsets=[0, 0, 0, 10, 0])
    )  # fmt: skip
    bands = find_bands(source)
    plain = find_stretch(np.moveaxis(values, 0, -1), np.ones((40, 40), bool), bands)
    wide = with_room(plain, source, bands)
    assert (wide.low[[0, 1, 2, 4]] == plain.low[[0, 1, 2, 4]]).all()
    assert wide.low[3] * 0.5 + 10 == pytest.approx(0.4 * plain.low[0]) and wide.high[3] == plain.high[3]
    unknown = Bands((0, 1, 2, 3, 4), (None,) * 5)
    assert with_room(plain, source, unknown) is plain
