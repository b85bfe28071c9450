"""What has come off a roof: planes of it that have fallen in or slid, boards, and rubble on the ground beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import shift
from .roof_opening import torn_line
from .roofs import LUMINANCE, Daylight, Roof

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Slab:
    """A flat piece. place: (row, column) of its middle; angle in radians; half: half its length and width in
    pixels; skew: how oblique its ends are; tilt: its brightness over that of a level piece; height: pixels."""

    place: tuple[float, float]
    angle: float
    half: tuple[float, float]
    skew: float
    tilt: float
    height: float


def fallen_plane(roof: Roof, place: tuple[float, float], opened: float, rng: np.random.Generator) -> tuple[Slab, float]:
    """A part of the roof that came down in one piece, and by how much (radians) it has turned.

    opened: side in pixels of a square as large as the opening.
    """
    turn = float(rng.normal(0.0, 0.35))
    half = opened * float(rng.uniform(0.13, 0.24))
    slab = Slab(
        place=place,
        angle=roof.axis + turn + float(rng.choice((0.0, np.pi / 2, np.pi))),
        half=(half, half * float(rng.uniform(0.45, 0.75))),
        skew=float(rng.uniform(-0.3, 0.3)),
        tilt=float(rng.choice((rng.uniform(0.66, 0.85), rng.uniform(1.04, 1.14)))),
        height=max(1.0, 0.03 * roof.size),
    )
    return slab, turn


def fallen_beam(roof: Roof, place: tuple[float, float], opened: float, rng: np.random.Generator) -> Slab:
    """A rafter that lies askew in the opening."""
    return Slab(
        place=place,
        angle=roof.axis + np.pi / 2 + float(rng.normal(0.0, 0.5)),
        half=(opened * float(rng.uniform(0.12, 0.26)), max(0.6, 0.008 * roof.size)),
        skew=0.0,
        tilt=float(rng.uniform(0.8, 1.05)),
        height=max(0.8, 0.02 * roof.size),
    )


def ground_piece(roof: Roof, place: tuple[float, float], long: bool, light: float, rng: np.random.Generator) -> Slab:
    """A piece on the ground, a board where ``long``. light: brightness of the ground there, 0…1."""
    half = max(1.3, roof.size * float(rng.uniform(0.018, 0.05)))
    return Slab(
        place=place,
        angle=float(rng.uniform(0.0, np.pi)),
        half=(1.6 * half, max(0.6, 0.28 * half)) if long else (half, half * float(rng.uniform(0.5, 0.9))),
        skew=float(rng.uniform(-0.3, 0.3)),
        tilt=light * float(rng.uniform(0.75, 1.05)),
        height=max(0.8, 0.014 * roof.size),
    )


def _outline(slab: Slab, shape: tuple[int, int], rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(0…1 where the slab is, pixels along it, pixels across it), its ends torn and a corner broken off."""
    rows, columns = np.indices(shape, dtype=np.float32)
    y, x = rows - np.float32(slab.place[0]), columns - np.float32(slab.place[1])
    cos, sin = np.float32(np.cos(slab.angle)), np.float32(np.sin(slab.angle))
    p, q = x * cos + y * sin, y * cos - x * sin
    length, width = slab.half
    torn = [torn_line(q, max(1.5, 0.45 * width), 0.2 * min(length, 2.0 * width), rng) for _ in range(2)]
    ends = np.where(p > 0.0, torn[0], torn[1])
    corner = 0.75 * np.sign(slab.skew or 1.0) * p / max(length, 1e-3) + 0.75 * q / max(width, 1e-3)
    taper = width * (1.0 + 0.25 * slab.skew * p / max(length, 1.0))
    outside = np.maximum(np.abs(p + slab.skew * q + ends) - length, np.abs(q) - taper)
    outside = np.maximum(outside, width * (corner - 0.9))
    return np.clip(0.5 - outside, 0.0, 1.0).astype(np.float32), p, q


def lay_slab(
    image: FloatArray, cover: FloatArray, slab: Slab, colour: FloatArray, light: Daylight, rng: np.random.Generator
) -> None:
    """Lay a slab with its short shadow on image [H, W, 3] and mark it in cover [H, W], both in place.

    colour: [3], or [H, W, 3] to be cut out of.
    """
    reach = int(np.ceil(1.6 * max(slab.half) + slab.height + 3.0))
    row, column = (round(c) for c in slab.place)
    window = (
        slice(max(0, row - reach), max(0, row + reach + 1)),
        slice(max(0, column - reach), max(0, column + reach + 1)),
    )
    part = image[window]
    if part.size == 0:
        return
    local = replace(slab, place=(slab.place[0] - window[0].start, slab.place[1] - window[1].start))
    body, p, _ = _outline(local, (part.shape[0], part.shape[1]), rng)
    dy, dx = light.fall
    dark = np.maximum.reduce([shift(body, s * slab.height * dy, s * slab.height * dx) for s in (0.5, 1.0)])
    surface = colour[window] if colour.ndim == 3 else colour
    slope = slab.tilt * (1.0 + 0.08 * np.clip(p / slab.half[0], -1.0, 1.0))
    part *= (1.0 - 0.5 * dark * (1.0 - body))[..., None]
    part += body[..., None] * (within(surface * slope[..., None], light) - part)
    cover[window] = np.maximum(cover[window], np.maximum(body, 0.7 * dark))


def roof_skin(roof: Roof, turn: float, rng: np.random.Generator) -> FloatArray:
    """[H, W, 3]: the roof's own covering everywhere, turned by ``turn``, in its tone at the place of the damage."""
    whole = np.flatnonzero((roof.mask & (roof.alike > 0.6)).ravel())
    start = divmod(int(whole[rng.integers(len(whole))]), roof.shape[1]) if whole.size else (0, 0)
    rows, columns = np.indices(roof.shape, dtype=np.float32)
    y, x = rows - roof.shape[0] / 2, columns - roof.shape[1] / 2
    at = [start[0] + y * np.cos(turn) - x * np.sin(turn), start[1] + x * np.cos(turn) + y * np.sin(turn)]
    # What is not roof is no skin: its pixels take the roof's tone before the covering is turned.
    own = np.where((roof.mask & (roof.alike > 0.3))[..., None], roof.rgb, roof.tone)
    bands = [ndimage.map_coordinates(own[..., c], at, order=1, mode="reflect") for c in range(3)]
    skin = np.stack(bands, -1).astype(np.float32)
    return np.asarray(roof.tone + np.clip(skin - roof.tone, -0.08, 0.08), np.float32)


def within(colour: FloatArray, light: Daylight) -> FloatArray:
    """The colour, no darker and no brighter than the scene is."""
    level = colour @ LUMINANCE
    factor = np.clip(level, light.dark, light.bright) / np.maximum(level, 1e-3)
    return np.asarray(colour * np.asarray(factor)[..., None], np.float32)
