"""New buildings as seen from above: roofs of planes that the sun lights, or flat ones, with their cast shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise import along, shift, smoothstep

FloatArray = NDArray[np.float32]

SUN_HEIGHT = 1.0
"""Tangent of the sun's height above the horizon on a usual picture: flown before and after noon."""


@dataclass(frozen=True)
class Building:
    """centre (row, column); ridge: unit (dy, dx) along its longer side; half_long, half_wide, eaves: pixels.

    pitch: rise of the roof over its run, 0 = flat. hip: whether the ends slope too. colour: [3]. extras: its own seed.
    """

    centre: tuple[float, float]
    ridge: tuple[float, float]
    half_long: float
    half_wide: float
    eaves: float
    pitch: float
    hip: bool
    colour: FloatArray
    extras: int

    @property
    def reach(self) -> int:
        return int(np.ceil(np.hypot(self.half_long, self.half_wide) + 2.0))

    def window(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of a picture that hold the roof; empty where it lies outside."""
        spans = zip(self.centre, shape, strict=True)
        starts = [(max(0, int(c) - self.reach), min(n, int(c) + self.reach + 1)) for c, n in spans]
        return slice(starts[0][0], max(starts[0])), slice(starts[1][0], max(starts[1]))


def footprint(u: FloatArray, v: FloatArray, half_long: float, half_wide: float) -> FloatArray:
    """A rectangle about the origin, antialiased over a pixel: [H, W] in 0…1."""
    return (np.clip(half_long + 0.5 - np.abs(u), 0, 1) * np.clip(half_wide + 0.5 - np.abs(v), 0, 1)).astype(np.float32)


def _box(
    tone: FloatArray, u: FloatArray, v: FloatArray, half: tuple[float, float], throw: tuple[float, float], level: float
) -> FloatArray:
    """A unit on a roof with its small shadow ``throw`` (u, v) pixels away: the roof's tone [H, W] with it."""
    dark = footprint(u - np.float32(throw[0]), v - np.float32(throw[1]), *half)
    body = footprint(u, v, *half)
    shaded = tone * (1.0 - 0.55 * dark)
    return np.asarray(shaded + body * (level - shaded), np.float32)


def _planes(b: Building, u: FloatArray, v: FloatArray, fall: tuple[float, float]) -> FloatArray:
    """Brightness of the planes of a pitched roof relative to flat ground: [H, W]. fall: shadows in its (u, v)."""
    towards_eaves = np.where(b.hip & (b.half_long - np.abs(u) < b.half_wide - np.abs(v)), 0.0, 1.0)
    # A face that falls away along +v is lit when the sun stands on that side, that is when shadows fall along -v.
    slope = towards_eaves * np.sign(v) * -fall[1] + (1.0 - towards_eaves) * np.sign(u) * -fall[0]
    sunlight = (1.0 + b.pitch * slope / SUN_HEIGHT) / np.sqrt(1.0 + b.pitch**2)
    tone = 0.3 + 0.7 * np.clip(sunlight, 0.0, 1.6)
    long_ridge = b.half_long - (b.half_wide if b.hip else 0.0)
    ridge = smoothstep(np.abs(v), 1.1, 0.2) * smoothstep(np.abs(u), long_ridge + 1.0, long_ridge)
    course = max(2.4, 0.11 * b.half_wide)
    tiles = np.cos(2.0 * np.pi * np.where(towards_eaves > 0.5, v, u) / course) * (0.03 if course < 4.0 else 0.045)
    return np.asarray((tone + 0.1 * ridge) * (1.0 + tiles), np.float32)


def roof_tone(b: Building, u: FloatArray, v: FloatArray, sun: tuple[float, float]) -> FloatArray:
    """Brightness of the roof relative to its colour on flat ground in the sun: [H, W]."""
    (dy, dx), rng = b.ridge, np.random.default_rng(b.extras)
    fall = (sun[0] * dy + sun[1] * dx, sun[1] * dy - sun[0] * dx)
    wide, size = b.half_wide, 0.5 * (b.half_wide + b.half_long)
    if b.pitch > 0.0:
        tone = _planes(b, u, v, fall)
        thick = max(0.8, 0.07 * wide)
        at = rng.uniform(-0.6, 0.6) * b.half_long, rng.uniform(-0.3, 0.3) * wide
        high = 1.2 * thick + 0.1 * wide
        return _box(tone, u - at[0], v - at[1], (thick, thick), (fall[0] * high, fall[1] * high), 0.75)
    tone = np.ones(u.shape, np.float32) + 0.05 * smoothstep(np.abs(np.mod(v, 0.5 * wide) - 0.25 * wide), 1.0, 0.0)
    rim = max(0.9, 0.045 * size)
    inner = footprint(u, v, b.half_long - rim, wide - rim)
    below = footprint(
        u - np.float32(1.3 * rim * fall[0]), v - np.float32(1.3 * rim * fall[1]), b.half_long - rim, wide - rim
    )
    tone = np.where(inner > 0.5, tone * (1.0 - 0.45 * (1.0 - below)), 1.16)
    for _ in range(int(rng.integers(2, 3 + round(1.2 * b.half_long / wide)))):
        half = rng.uniform(0.05, 0.14, 2) * wide + 0.4
        at = rng.uniform(-0.75, 0.75) * b.half_long, rng.uniform(-0.7, 0.7) * wide
        high = 0.09 * wide + 0.5
        tone = _box(
            tone, u - at[0], v - at[1], (half[0], half[1]), (fall[0] * high, fall[1] * high), rng.uniform(0.8, 1.25)
        )
    return np.asarray(tone, np.float32)


def lay_roofs(
    buildings: list[Building], sun: tuple[float, float], shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """Premultiplied colour [H, W, 3] and cover [H, W] of all roofs, which must not overlap."""
    colour, cover = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    for b in buildings:
        window = b.window(shape)
        if cover[window].size == 0:
            continue
        centre = (b.centre[0] - window[0].start, b.centre[1] - window[1].start)
        u, v = along(cover[window].shape, b.ridge, centre)
        here = footprint(u, v, b.half_long, b.half_wide) * (1.0 - cover[window])
        colour[window] += b.colour * (roof_tone(b, u, v, sun) * here)[..., None]
        cover[window] += here
    return colour, cover


def cast_shadows(buildings: list[Building], sun: tuple[float, float], shape: tuple[int, int]) -> FloatArray:
    """Shadows on the ground, 0…1 [H, W]: every body swept from its foot to where its eaves throw it."""
    dark = np.zeros(shape, np.float32)
    for b in buildings:
        # The eaves throw the outline, the ridge of a pitched roof throws its middle line further.
        length = (b.eaves + 0.35 * b.pitch * b.half_wide) / SUN_HEIGHT
        window = tuple(
            slice(max(0, s.start - int(length) - 2), min(n, s.stop + int(length) + 2))
            for s, n in zip(b.window(shape), shape, strict=True)
        )
        part = dark[window]
        if part.size == 0:
            continue
        u, v = along(part.shape, b.ridge, (b.centre[0] - window[0].start, b.centre[1] - window[1].start))
        body = footprint(u, v, b.half_long, b.half_wide)
        steps = max(1, int(np.ceil(length / 1.5)))
        for k in range(1, steps + 1):
            way = length * k / steps
            np.maximum(part, shift(body, sun[0] * way, sun[1] * way), out=part)
    return dark
