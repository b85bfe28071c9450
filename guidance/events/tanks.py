"""Storage tanks: the round tops in a scene, for texts that speak of a tank and so say that there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from .noise import blur
from .regions import opponent, steepest_slope
from .scene import Scene

FloatArray = NDArray[np.float32]

_SMALLEST, _LARGEST, _RADII = 0.03, 0.42, 26
"""Radii that are tried, in short sides, and how many."""
_LEAST = 0.45
"""Share of an outline, about, whose edges run around the middle."""
_RIVAL = 0.5
"""A disc that stands out less than this, relative to the clearest one, is something else."""
_LEAST_CLEAR = 0.13
"""Crowns and corners stand out less."""
_MOST = 12
_SEEN = 0.6
"""Share of its outline that lies in the picture."""
_DIRECTIONS = 72
"""Directions from the middle in which a disc's outline is looked for."""
_OUT_OF_ROUND = (0.88, 1.12, 9)
"""Radii, relative to the disc's, between which the outline may lie, and how many are tried."""
_RUNS_AROUND = 0.6
"""How far an edge runs around the middle, and how strong it is, to be the outline: −1…1."""


@dataclass(frozen=True)
class Disc:
    """A round top: middle and radius in pixels, and how clearly it stands out, more than 0."""

    row: float
    column: float
    radius: float
    clearness: float

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        rows, columns = np.indices(shape)
        return np.asarray(np.hypot(rows - self.row, columns - self.column) < 0.97 * self.radius)


def find_tanks(scene: Scene) -> list[Disc]:
    """Round tops, the clearest first: circles around which edges run, large and bright ones before small and dark ones.

    The edges' orientations vote for middles along the circle's radii, whichever side is the brighter, as in the
    Hough transform for circles (Duda and Hart, doi:10.1145/361237.361242), but weighted: tangential edges vote
    against, so that texture cancels out.
    """
    shape, side = scene.coarse.shape[:2], min(scene.coarse.shape[:2])
    radii = np.unique(np.round(np.geomspace(_SMALLEST * side, _LARGEST * side, _RADII)))
    colour = opponent(scene.coarse)
    luminance = blur(colour[..., 0], 1.0)
    usual = max(float(np.median(luminance)), 1e-3)
    slopes = steepest_slope(colour, 1.0)
    around = _edges_around(*slopes, radii)
    # Of a tank and its shadow, which is as round, the tank is the brighter.
    level = np.stack([ndimage.uniform_filter(luminance, max(1, round(1.2 * r))) for r in radii]) / usual
    clear = around * np.clip(0.1 + 0.9 * level, 0.4, 1.0) * np.sqrt(radii / side)[:, None, None]
    clear[around < _LEAST] = 0.0
    rows, columns = np.indices(shape)
    scale = scene.height / shape[0], scene.width / shape[1]
    found: list[Disc] = []
    least = max(_LEAST_CLEAR, _RIVAL * float(clear.max()))
    while len(found) < _MOST:
        index, row, column = (int(i) for i in np.unravel_index(int(np.argmax(clear)), clear.shape))
        clearness, radius = float(clear[index, row, column]), float(radii[index])
        if clearness < least:
            break
        middle = (row + 0.5) * scale[0] - 0.5, (column + 0.5) * scale[1] - 0.5
        # A square has as many edges as its disc, but only on four sides of it.
        clearness *= _outlined(*slopes, (row, column), radius) ** 2
        found.append(Disc(*middle, radius * float(np.sqrt(scale[0] * scale[1])), clearness))
        away = np.hypot(rows - row, columns - column)
        for other, layer in zip(radii, clear, strict=True):
            layer[away < 0.85 * (radius + other)] = 0.0
    found.sort(key=lambda disc: -disc.clearness)
    return [disc for disc in found if disc.clearness >= _RIVAL * found[0].clearness]


def _strong(slope: FloatArray) -> float:
    """The slope from which on an edge is no stronger for being steeper."""
    return max(float(np.quantile(slope, 0.8)), 1e-4)


def _outlined(gy: FloatArray, gx: FloatArray, middle: tuple[int, int], radius: float) -> float:
    """0…1: in how many of the directions that stay in the picture [H, W] an edge runs around ``middle`` at ``radius``.

    gy, gx: [H, W], the picture's slopes along rows and columns.
    """
    size = np.hypot(gy, gx)
    usual = _strong(size)
    angles = np.linspace(0.0, 2.0 * np.pi, _DIRECTIONS, endpoint=False)
    away = radius * np.linspace(*_OUT_OF_ROUND)[:, None]
    at = middle[0] + away * np.sin(angles), middle[1] + away * np.cos(angles)
    within = (at[0] >= 0) & (at[1] >= 0) & (at[0] <= size.shape[0] - 1) & (at[1] <= size.shape[1] - 1)
    down, across = (ndimage.map_coordinates(slope, at, order=1, mode="nearest") for slope in (gy, gx))
    steep = np.hypot(down, across)
    radially = (down * np.sin(angles) + across * np.cos(angles)) / np.maximum(steep, 1e-6)
    runs = np.minimum(steep / usual, 1.0) * (2.0 * radially**2 - 1.0)
    seen = within.all(axis=0)
    return float((runs.max(axis=0)[seen] > _RUNS_AROUND).mean()) if seen.any() else 0.0


def _edges_around(gy: FloatArray, gx: FloatArray, radii: NDArray[np.floating]) -> FloatArray:
    """For each radius and middle, how far edges on that circle run around it: [R, H, W], 1 all of them, 0 any way.

    gy, gx: [H, W], the picture's slopes along rows and columns.
    """
    size = np.hypot(gy, gx)
    usual = _strong(size)
    weight = np.minimum(size / usual, 1.0) / np.maximum(size, 1e-6) ** 2
    (height, width), margin = size.shape, int(radii[-1]) + 3
    padded = [fft.next_fast_len(n + 2 * margin, True) for n in (height, width)]
    # Orientations as vectors of twice the angle: opposite directions are one.
    fields = [(gx**2 - gy**2) * weight, 2.0 * gx * gy * weight, np.ones_like(size)]
    spectra = [fft.rfft2(field, padded) for field in fields]
    result = np.zeros((len(radii), height, width), np.float32)
    for index, radius in enumerate(radii):
        reach = int(radius) + 3
        y, x = (each.astype(np.float32) for each in np.mgrid[-reach : reach + 1, -reach : reach + 1])
        away = np.maximum(np.hypot(y, x), 1e-6)
        ring = np.exp(-0.5 * ((away - radius) / max(0.8, 0.03 * radius)) ** 2)
        ring /= ring.sum()
        kernels = [ring * (x**2 - y**2) / away**2, ring * 2.0 * x * y / away**2, ring]
        radially, askew, seen = (
            s * np.conj(fft.rfft2(kernel, padded)) for s, kernel in zip(spectra, kernels, strict=True)
        )
        votes, part = (
            np.roll(fft.irfft2(each, padded), (reach, reach), (0, 1))[:height, :width]
            for each in (radially + askew, seen)
        )
        result[index] = np.where(part > _SEEN, votes, 0.0)
    return result
