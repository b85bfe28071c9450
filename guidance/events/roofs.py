"""A roof cut out of its scene, in a frame of its own ridge and eaves, and the light its damage is drawn in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .likeness import edge_softness
from .noise import blur, pick_point, smoothstep
from .objects import find_target, target_of
from .regions import largest_part, opponent
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Roof:
    """A window of the scene with one roof in it. All maps are [H, W] of the window.

    window: its rows and columns in the scene. rgb: [H, W, 3]. mask: the roof. room: 0…1, where drawing is allowed.
    size: side in pixels of a square as large as the roof. u, v: pixels along and across the ridge from the place
    of the damage. tone: [3], colour of the roof there. alike: 0…1, how alike the roof there each pixel is.
    """

    window: tuple[slice, slice]
    rgb: FloatArray
    mask: BoolArray
    room: FloatArray
    size: float
    u: FloatArray
    v: FloatArray
    tone: FloatArray
    alike: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.mask.shape[0]), int(self.mask.shape[1])

    @property
    def axis(self) -> float:
        """Angle of the ridge in radians, from the row axis of a picture (x) towards growing rows (y)."""
        return float(np.arctan2(self.u[1, 0] - self.u[0, 0], self.u[0, 1] - self.u[0, 0]))


@dataclass(frozen=True)
class Daylight:
    """The scene's light. fall: unit (dy, dx) of shadows. colour: [3], at most 1. dark, bright: the luminances
    between which the scene lies. softness: deviation in pixels of the scene's own sharpest edges."""

    fall: tuple[float, float]
    colour: FloatArray
    dark: float
    bright: float
    softness: float

    def lit(self, material: FloatArray, level: float) -> FloatArray:
        """Colour [3] of a material whose luminance here is ``level`` of the way from dark to bright."""
        colour = material * self.colour
        wanted = self.dark + float(np.clip(level, 0.0, 1.0)) * (self.bright - self.dark)
        return np.asarray(colour * np.float32(wanted / max(float(colour @ LUMINANCE), 1e-3)), np.float32)

    def level(self, colour: FloatArray) -> float:
        """Where a colour lies between the scene's dark and bright, 0…1."""
        span = max(self.bright - self.dark, 1e-3)
        return float(np.clip((float(colour @ LUMINANCE) - self.dark) / span, 0.0, 1.0))


def daylight(scene: Scene) -> Daylight:
    dark, bright = (float(q) for q in np.quantile(scene.luminance, (0.006, 0.97)))
    bright = max(bright, dark + 0.15)
    return Daylight(scene.sun, scene.light / float(scene.light.max()), dark, bright, edge_softness(scene.luminance))


def find_roof(scene: Scene, area: FloatArray, rng: np.random.Generator) -> Roof | None:
    """The roof in the area with a place in it to be damaged; None where there is nothing."""
    target = find_target(scene, area, rng)
    if not target.mask.any():
        return None
    loose = np.count_nonzero(target.mask) < 0.2 * np.count_nonzero(area > 0.0) and np.mean(area > 0.0) < 0.7
    if loose and scene.subject is None:
        target = target_of(scene, _grown(scene, area, target.mask))
    margin = max(4, round(0.35 * target.size))
    rows, columns = (np.flatnonzero(target.mask.any(axis)) for axis in (1, 0))
    window = (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )
    rgb, found = scene.rgb[window], target.mask[window]
    mask = _without_shadow(rgb, found)
    smooth = blur(rgb, max(1.0, 0.015 * target.size))
    row, column = _place(smooth, mask, target.size, rng)
    near = smooth[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3].reshape(-1, 3)
    tone = np.median(near, axis=0).astype(np.float32)
    difference = np.sqrt(((smooth - tone) ** 2).mean(-1))
    spread = max(float(np.median(difference[mask])), 0.02)
    u, v = _frame(rgb, mask, (row, column), target.size)
    room = np.minimum(area[window], 1.0)
    alike = smoothstep(difference, 2.2 * spread + 0.05, 0.6 * spread + 0.02)
    return Roof(window, rgb, mask, room, target.size, u, v, tone, alike)


def _grown(scene: Scene, area: FloatArray, mask: BoolArray) -> BoolArray:
    """A small object in a large region is a part of a roof: with what adjoins it in the region in like colours."""
    smooth = opponent(blur(scene.rgb, 1.5))
    own = smooth[mask]
    middle = np.median(own, axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(own - middle), axis=0), 0.05)
    alike = (np.abs(smooth - middle) < 2.0 * spread).all(-1) & (area > 0.5)
    alike = ndimage.binary_opening(alike, iterations=2) | mask
    parts, _ = ndimage.label(alike)
    return np.asarray(ndimage.binary_fill_holes(np.isin(parts, np.unique(parts[mask]))) & (area > 0.5))


def _without_shadow(rgb: FloatArray, mask: BoolArray) -> BoolArray:
    """The object without the shadow it throws, which clings to its outline."""
    luminance = blur(np.asarray(rgb @ LUMINANCE, np.float32), 1.0)
    middle, low = float(np.median(luminance[mask])), float(luminance.min())
    lit = mask & (luminance > low + 0.3 * (middle - low))
    lit = ndimage.binary_closing(ndimage.binary_opening(lit), iterations=2) & mask
    kept = largest_part(np.asarray(lit)) if np.count_nonzero(lit) > 0.4 * np.count_nonzero(mask) else mask
    straight = blur(kept.astype(np.float32), max(0.7, 0.02 * float(np.sqrt(np.count_nonzero(kept))))) > 0.5
    return np.asarray(straight & mask) if straight.any() else kept


def _place(smooth: FloatArray, mask: BoolArray, size: float, rng: np.random.Generator) -> tuple[int, int]:
    """A pixel well inside a plane of the roof's commonest colours."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    edge = float(rng.uniform(0.1, 0.4)) * float(depth.max())
    inner = smoothstep(depth, edge, 2.0 * edge)
    usual = np.median(smooth[mask], axis=0)
    difference = np.sqrt(((smooth - usual) ** 2).mean(-1))
    common = np.exp(-0.5 * (difference / max(float(np.median(difference[mask])), 0.02)) ** 2)
    even = 1.0 / (0.05 + ndimage.gaussian_gradient_magnitude(smooth.mean(-1), max(1.0, 0.03 * size)))
    weight = np.where(mask, (inner + 1e-3) * common * even, 0.0).astype(np.float32)
    return pick_point(weight, rng)


def _frame(rgb: FloatArray, mask: BoolArray, centre: tuple[int, int], size: float) -> tuple[FloatArray, FloatArray]:
    """Pixels along the ridge and across it from ``centre``: the commonest direction of the edges around it.

    The commonest, not the mean: hips run at 45° to ridge and eaves, and a mean would lie in between.
    """
    rows, columns = np.indices(mask.shape, dtype=np.float32)
    y, x = rows - centre[0], columns - centre[1]
    picture = blur(np.asarray(rgb @ LUMINANCE, np.float32), 1.0) + 0.3 * blur(mask.astype(np.float32), 1.0)
    gy, gx = np.gradient(picture)
    strength = np.hypot(gy, gx) * np.exp(-(y**2 + x**2) / (0.9 * size) ** 2)
    strength = strength * ndimage.binary_dilation(mask, iterations=2)
    angles = np.rad2deg(np.arctan2(gy, gx)) % 90.0
    votes, _ = np.histogram(angles, bins=90, range=(0.0, 90.0), weights=strength**1.5)
    best = int(np.argmax(ndimage.gaussian_filter1d(votes, 2.5, mode="wrap")))
    angle = np.deg2rad(best + 0.5)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    # The ridge lies along the roof's longer side at this place.
    weight = np.where(mask, np.exp(-(y**2 + x**2) / (0.9 * size) ** 2), 0.0)
    if float((weight * u**2).sum()) < float((weight * v**2).sum()):
        u, v = v, -u
    return u.astype(np.float32), v.astype(np.float32)
