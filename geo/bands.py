"""Which band of a raster is which, and its stored values as a picture that a person and a model can see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
MAX_SAMPLES = 4_000_000

_WORDS = {
    "red": r"red|r",
    "green": r"green|g",
    "blue": r"blue|b",
    "rededge": r"red[ _-]?edge\w*|vegetation red edge\w*|re\d?",
    "nir": r"nir\w*|near[ _-]?infra[ _-]?red\w*|n",
    "swir": r"swir\w*|short[ _-]?wave[ _-]?infra[ _-]?red\w*",
}
_SENTINEL_2 = {
    "2": "blue", "3": "green", "4": "red", "5": "rededge", "6": "rededge", "7": "rededge",
    "8": "nir", "8a": "nir", "11": "swir", "12": "swir",
}  # fmt: skip
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

    roles: of each band in that order, as ``guidance.bands.ROLES`` calls them, or None.
    """

    order: tuple[int, ...]
    roles: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Stored values that are shown as 0 and 1, [C] each, in the order of ``Bands``."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

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
            limits = np.iinfo(stored.dtype)
            values = np.clip(np.rint(values), limits.min, limits.max)
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
    if len(bands) == 4 and roles[:3] == ["red", "green", "blue"] and roles[3] is None:
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


def find_stretch(stored: Array, valid: NDArray[np.bool_], bands: Bands) -> Stretch:
    """What to show as black and white of stored values [h, w, C] in the order of ``bands``.

    8-bit colours are shown as they are; all else from the PERCENTILES of each band's valid pixels.
    """
    count = len(bands.order)
    if stored.dtype == np.uint8 and count >= 3:
        return Stretch(np.zeros(count), np.full(count, 255.0))
    pixels = stored[valid]
    pixels = pixels[:: max(1, len(pixels) // MAX_SAMPLES)].astype(np.float64)
    low, high = np.percentile(pixels, PERCENTILES, axis=0)
    flat = high - low <= 0
    low, high = np.where(flat, pixels.min(0), low), np.where(flat, pixels.max(0), high)
    return Stretch(low, np.where(high > low, high, low + 1.0))


def units(bands: Bands, stretch: Stretch) -> BandUnits:
    """What an edit has to know of the bands."""
    return BandUnits(bands.roles, tuple(stretch.low.tolist()), tuple(stretch.high.tolist()))


def parse_rgb(text: str) -> tuple[int, int, int]:
    """ "4,3,2" → the numbers of three bands, from 1. Raises InputError."""
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", text)
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
    sensor = _SENTINEL_2 if not landsat and _ONLY_SENTINEL_2 & set(numbers) else _LANDSAT_8
    return [
        _spelt(source.colours[i], source.descriptions[i]) or sensor.get(number)
        for i, number in zip(source.bands, numbers, strict=True)
    ]


def _spelt(colour: str, description: str | None) -> str | None:
    """The role that a colour interpretation or a description says in words."""
    if colour in ("red", "green", "blue"):
        return colour
    text = (description or "").strip().lower()
    matches = (
        role for role, words in _WORDS.items() if re.fullmatch(rf"(?:{words})(?:[ _-]?\d+)?(?:\s*\(.*\))?", text)
    )
    return next(matches, None)


def _number(description: str | None) -> str:
    """The "8a" of "B8A", "B08A", "SR_B8A" or "Sentinel-2 band 8A"; empty where there is none."""
    match = re.search(r"\bb(?:and)?[ _-]?0?(8a|\d{1,2})\b", (description or "").lower().replace("sr_", ""))
    return match[1] if match else ""
