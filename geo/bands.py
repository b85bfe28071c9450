"""Which band of a raster is which, and its stored values as a picture that a person and a model can see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..guidance.bands import BandUnits
from ..rasters.layout import Array
from .source import GeoSource

PERCENTILES = (1.0, 99.0)
"""Of the valid pixels: what is shown black and white, for all types but uint8 with colours."""
ROOM = {"rededge": (0.7, 1.1), "nir": (0.4, 1.3), "swir": (0.1, 1.8)}
"""Least and greatest ratio to red of what an event puts there."""
MAX_SAMPLES = 4_000_000

_WORDS = {
    "red": r"red",
    "green": r"green",
    "blue": r"blue",
    "rededge": r"red[ _-]?edge\w*|vegetation red edge\w*|re",
    "nir": r"nir\w*|near[ _-]?infra[ _-]?red\w*",
    "swir": r"swir\w*|short[ _-]?wave[ _-]?infra[ _-]?red\w*",
}
_LETTERS = {"r": "red", "g": "green", "b": "blue", "n": "nir"}
"""Alone: with a number, such as B2, they count the bands of a sensor."""
_SENTINEL_2 = {
    "2": "blue", "3": "green", "4": "red", "5": "rededge", "6": "rededge", "7": "rededge",
    "8": "nir", "8a": "nir", "11": "swir", "12": "swir",
}  # fmt: skip
_LANDSAT_5 = {"1": "blue", "2": "green", "3": "red", "4": "nir", "5": "swir", "7": "swir"}
"""Of Landsat 4 to 7, whose sixth band is heat and not among the surface reflectances."""
_LANDSAT_8 = {"2": "blue", "3": "green", "4": "red", "5": "nir", "6": "swir", "7": "swir"}
_ONLY_SENTINEL_2 = {"8", "8a", "9", "12"}
"""Numbers of bands that tell a stack of Sentinel-2 from one of Landsat 8, whose picture is its first seven."""
_SENTINEL_2_STACK = (
    None, "blue", "green", "red", "rededge", "rededge", "rededge", "nir", "nir", None, None, "swir", "swir",
)  # fmt: skip
"""Roles in a stack of all thirteen bands in their order, B1 to B12 (B8A after B8)."""


@dataclass(frozen=True)
class Bands:
    """How the bands of a source are seen. order: indices into ``source.bands``, red, green and blue first.

    roles: of each band in that order, as ``guidance.bands.BandUnits`` calls them.
    """

    order: tuple[int, ...]
    roles: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Stored values that are shown as 0 and 1, [C] each, in the order of ``Bands``."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    limits: tuple[int, int] | None = None
    """Least and greatest value that can be stored, where fewer than the type has."""

    def unit(self, stored: Array) -> Tensor:
        """Stored [h, w, C] → float32 [C, h, w] in 0…1; what lies beyond is cut off for the eye and the model alone."""
        values = (stored.astype(np.float64) - self.low) / (self.high - self.low)
        return torch.from_numpy(np.ascontiguousarray(np.clip(values, 0, 1).astype(np.float32).transpose(2, 0, 1)))

    def restore(self, edited: Tensor, shown: Tensor, stored: Array, changed: NDArray[np.bool_]) -> Array:
        """Stored values of an edit: what was stored, plus how far the edit moved what was shown. [h, w, C].

        A value that did not move, or lies where ``changed`` [h, w] is False, stays bit for bit, also one that was cut
        off. edited, shown: float [C, h, w] in 0…1.
        """
        moved = (edited.double() - shown.double()).numpy().transpose(1, 2, 0)
        values = stored.astype(np.float64) + moved * (self.high - self.low)
        if stored.dtype.kind in "iu":
            least, most = self.limits or (np.iinfo(stored.dtype).min, np.iinfo(stored.dtype).max)
            values = np.clip(np.rint(values), least, most)
        return np.where((moved != 0) & changed[..., None], values.astype(stored.dtype), stored)


def find_bands(source: GeoSource, rgb: Sequence[int] | None = None) -> Bands:
    """What each band is: by colour interpretation, description, or the known order of a sensor's stack.

    rgb: numbers from 1 of the bands to be shown red, green and blue (as GDAL counts them), instead of those found.
    Raises InputError for a number that no band has.
    """
    bands = source.bands
    roles = _roles(source)
    if not any(roles) and len(bands) == len(_SENTINEL_2_STACK):
        roles = list(_SENTINEL_2_STACK)
    if len(bands) == 4 and roles == ["red", "green", "blue", None] and not source.descriptions[bands[3]]:
        roles[3] = "nir"  # the order of NAIP and most four-band sensors
    if rgb is not None:
        order = _chosen(rgb, source)
        roles = [None if role in ("red", "green", "blue") else role for role in roles]
        for position, role in zip(order, ("red", "green", "blue"), strict=True):
            roles[position] = role
    elif all(role in roles for role in ("red", "green", "blue")):
        order = [roles.index(role) for role in ("red", "green", "blue")]
    else:
        order = list(range(min(3, len(bands)))) if len(bands) >= 3 else []
    order += [i for i in range(len(bands)) if i not in order]
    return Bands(tuple(order), tuple(roles[i] for i in order))


def find_stretch(
    stored: Array, valid: NDArray[np.bool_], bands: Bands, limits: tuple[int, int] | None = None
) -> Stretch:
    """What to show as black and white of stored values [h, w, C] in the order of ``bands``.

    8-bit colours are shown as they are; all else from the PERCENTILES of each band's valid pixels.
    """
    count = len(bands.order)
    if stored.dtype == np.uint8 and count >= 3:
        return Stretch(np.zeros(count), np.full(count, 255.0), limits)
    pixels = stored[valid]
    pixels = pixels[:: max(1, len(pixels) // MAX_SAMPLES)].astype(np.float64)
    low, high = np.percentile(pixels, PERCENTILES, axis=0)
    flat = high - low <= 0
    low, high = np.where(flat, pixels.min(0), low), np.where(flat, pixels.max(0), high)
    return Stretch(low, np.where(high > low, high, low + 1.0), limits)


def with_room(stretch: Stretch, source: GeoSource, bands: Bands) -> Stretch:
    """The stretch, wider in bands beyond red, so that dark water and char can be shown in a scene that has none.

    What happens to those bands is known by ratios to red (``guidance.bands.REFLECTANCE``), in measured values.
    """
    if "red" not in bands.roles:
        return stretch
    red = bands.roles.index("red")
    darkest, brightest = (float(measured(each, source, bands)[red]) for each in (stretch.low, stretch.high))
    low, high = stretch.low.copy(), stretch.high.copy()
    for place, role in enumerate(bands.roles):
        band = source.bands[bands.order[place]]
        scale, offset = source.scales[band], source.offsets[band]
        if role in ROOM and scale > 0:
            low[place] = min(low[place], (ROOM[role][0] * max(darkest, 0.0) - offset) / scale)
            high[place] = max(high[place], (ROOM[role][1] * brightest - offset) / scale)
    return replace(stretch, low=low, high=high)


def units(source: GeoSource, bands: Bands, stretch: Stretch) -> BandUnits:
    """What an edit has to know of the bands, in measured values."""
    low, high = (measured(each, source, bands) for each in (stretch.low, stretch.high))
    return BandUnits(bands.roles, tuple(low.tolist()), tuple(high.tolist()))


def measured(stored: Array, source: GeoSource, bands: Bands) -> NDArray[np.float64]:
    """Stored values [..., C] in the order of ``bands`` by the scale and offset that the file gives: reflectances …"""
    order = [source.bands[i] for i in bands.order]
    scales, offsets = (np.array([each[i] for i in order]) for each in (source.scales, source.offsets))
    return np.asarray(stored.astype(np.float64) * scales + offsets)


def parse_rgb(text: str) -> tuple[int, int, int]:
    """ "4,3,2" → the numbers of three bands, from 1. Raises InputError."""
    match = re.fullmatch(",".join([r"\s*(\d{1,9})\s*"] * 3), text)
    if match is None:
        raise InputError(f"The bands '{text}' are not three numbers; write for example 4,3,2.")
    red, green, blue = (int(number) for number in match.groups())
    return red, green, blue


def _chosen(rgb: Sequence[int], source: GeoSource) -> list[int]:
    numbers = {band + 1: position for position, band in enumerate(source.bands)}
    missing = [number for number in rgb if number not in numbers]
    if missing or len(set(rgb)) < len(rgb):
        raise InputError(
            f"The bands {','.join(map(str, rgb))} cannot be shown; choose three different ones of "
            f"{', '.join(map(str, numbers))}."
        )
    return [numbers[number] for number in rgb]


def _roles(source: GeoSource) -> list[str | None]:
    """Role of each of ``source.bands``."""
    numbers = [_number(source.descriptions[i]) for i in source.bands]
    landsat = any(re.match(r"\s*(sr_b|landsat|l[ceot]0?[4-9])", (each or "").lower()) for each in source.descriptions)
    older = any(
        re.match(r"\s*l[et]0?[4-7]|\s*landsat[ _-]?[4-7]", (each or "").lower()) for each in source.descriptions
    )
    if older or (landsat and {number for number in numbers if number} == set(_LANDSAT_5)):
        sensor = _LANDSAT_5
    else:
        sensor = _SENTINEL_2 if not landsat and _ONLY_SENTINEL_2 & set(numbers) else _LANDSAT_8
    return [
        _spelt(source.colours[i], source.descriptions[i]) or sensor.get(number)
        for i, number in zip(source.bands, numbers, strict=True)
    ]


def _spelt(colour: str, description: str | None) -> str | None:
    """The role that a colour interpretation or a description says in words."""
    if colour in _WORDS:
        return colour
    text = (description or "").strip().lower()
    matches = (
        role for role, words in _WORDS.items() if re.fullmatch(rf"(?:{words})(?:[ _-]?\d+)?(?:\s*\(.*\))?", text)
    )
    return next(matches, _LETTERS.get(text))


def _number(description: str | None) -> str:
    """The "8a" of "B8A", "B08A", "SR_B8A" or "Sentinel-2 band 8A"; empty where there is none."""
    match = re.search(r"(?<![a-z0-9])b(?:and)?[ _-]?0?(8a|\d{1,2})(?![a-z0-9])", (description or "").lower())
    return match[1] if match else ""
