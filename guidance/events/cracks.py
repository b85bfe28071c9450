"""Cracks: thin lines that run across a structure as a plate breaks, branch at right angles and leak a little rust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .likeness import black_level, finish
from .noise import blur, fractal_noise, mix, shift, smoothstep
from .objects import Target, find_target, scatter, target_of
from .regions import largest_part
from .scene import Scene

FloatArray = NDArray[np.float32]

RUST = np.array([0.43, 0.27, 0.15], np.float32)
_QUIET, _BUSY = 0.12, 0.32
"""Texture of a surface relative to a crack's contrast: amid less a thin line is seen, amid more it is lost."""


def _stamp(field: FloatArray, row: float, column: float, radius: float, strength: float) -> None:
    """A disc with a soft edge of one pixel, kept where it is the darkest. In place."""
    reach = int(np.ceil(radius + 1.0))
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    window = (slice(top, int(row) + reach + 2), slice(left, int(column) + reach + 2))
    patch = field[window]
    if patch.size == 0:
        return
    y = np.arange(top, top + patch.shape[0], dtype=np.float32)[:, None] - row
    x = np.arange(left, left + patch.shape[1], dtype=np.float32)[None, :] - column
    np.maximum(patch, strength * np.clip(radius + 0.5 - np.hypot(y, x), 0.0, 1.0), out=patch)


@dataclass(frozen=True)
class _Structure:
    """What breaks: a round plate, or one with seams along the object's axes."""

    surface: Target
    round: bool
    middle: tuple[float, float]
    angle: float

    def across(self, row: float, column: float) -> float:
        """Direction in radians of a crack that runs across the structure: through the middle, or along its axes."""
        if not self.round:
            return self.angle
        return float(np.arctan2(row - self.middle[0], column - self.middle[1]))


def _structure(surface: Target) -> _Structure:
    rows, columns = np.nonzero(surface.mask)
    middle = (float(rows.mean()), float(columns.mean()))
    reach = float(np.quantile(np.hypot(rows - middle[0], columns - middle[1]), 0.98))
    filled = rows.size / max(np.pi * reach**2, 1.0)
    gy, gx = surface.along[1, 0] - surface.along[0, 0], surface.along[0, 1] - surface.along[0, 0]
    return _Structure(surface, filled > 0.86, middle, float(np.arctan2(gy, gx)))


@dataclass(frozen=True)
class _Crack:
    """One crack to grow: from ``start`` (row, column) along ``angle`` in radians; length and width in pixels."""

    start: tuple[float, float]
    angle: float
    length: float
    width: float
    generation: int = 0


def _grow(field: FloatArray, structure: _Structure, crack: _Crack, rng: np.random.Generator) -> None:
    """A crack and its branches, as a plate breaks: straight pieces with kinks, of one width up to their ends.

    A branch leaves at about a right angle and ends where it meets another crack. In place.
    """
    height, wide = field.shape
    (row, column), angle, length = crack.start, crack.angle, crack.length
    step, kink = 0.45, max(4.0, 0.09 * structure.surface.size)
    travelled, until_kink, heading, gape = 0.0, 0.0, angle, 1.0
    branches: list[_Crack] = []
    others = field > 0.6
    while travelled < length:
        if until_kink <= 0.0:
            angle += float(rng.normal(0.0, 0.08))
            if not structure.round:
                # A quarter turn apart, all seams are alike: the nearest one pulls.
                angle -= 0.3 * ((angle - structure.angle + np.pi / 4) % (np.pi / 2) - np.pi / 4)
            heading = angle + float(rng.normal(0.0, 0.3))
            until_kink = kink * float(rng.uniform(0.25, 1.5))
            gape = float(np.clip(rng.lognormal(-0.05, 0.25), 0.6, 1.5))
            if crack.generation < 2 and travelled > kink and rng.random() < 0.3:
                aside = heading + (1.0 if rng.random() < 0.5 else -1.0) * float(rng.uniform(1.1, 1.7))
                reach = structure.surface.size * float(rng.uniform(0.15, 0.5)) / (crack.generation + 1)
                branches.append(_Crack((row, column), aside, reach, 0.7 * crack.width, crack.generation + 1))
        row += step * np.sin(heading) + float(rng.normal(0.0, 0.1))
        column += step * np.cos(heading) + float(rng.normal(0.0, 0.1))
        if not (0 <= row < height and 0 <= column < wide) or not structure.surface.mask[int(row), int(column)]:
            break
        if travelled > 4.0 and others[int(row), int(column)]:
            break
        across = crack.width * gape * min(1.0, 5.0 * (1.0 - travelled / length)) ** 0.5
        # A line thinner than a pixel is not narrower but fainter.
        _stamp(field, row, column, max(0.5 * across, 0.35), float(np.clip(across, 0.3, 1.0)))
        travelled, until_kink = travelled + step, until_kink - step
    for branch in branches:
        _grow(field, structure, branch, rng)


def _even_part(scene: Scene, target: Target) -> Target:
    """The bright, even part of an object: the top of a tank without its rim, shaded side and shadow."""
    luminance = blur(scene.luminance, max(1.0, 0.02 * target.size))
    limit = 0.62 * float(np.quantile(luminance[target.mask], 0.9))
    bright = ndimage.binary_opening(target.mask & (luminance > limit), iterations=max(1, round(0.03 * target.size)))
    if np.count_nonzero(bright) < 0.3 * np.count_nonzero(target.mask):
        return target
    return target_of(scene, ndimage.binary_fill_holes(largest_part(bright)))


def _leaks(crack: FloatArray, structure: _Structure, rng: np.random.Generator) -> FloatArray:
    """Rust that rain drew out of a few places of the crack, outward and down the roof's slope: 0…1 [H, W]."""
    size, (middle_row, middle_column) = structure.surface.size, structure.middle
    streaks = np.zeros(crack.shape, np.float32)
    for row, column in scatter(crack, 4 + round(0.08 * size), rng):
        dy, dx = row - middle_row, column - middle_column
        away = max(float(np.hypot(dy, dx)), 1.0)
        length, wander = size * float(rng.uniform(0.03, 0.11)), float(rng.normal(0.0, 0.15))
        strong, wide = float(rng.uniform(0.35, 0.9)), float(rng.uniform(0.5, 1.2))
        for at in np.arange(0.0, length, 0.7):
            y = row + at * (dy / away + wander * dx / away)
            x = column + at * (dx / away - wander * dy / away)
            if 0 <= y < crack.shape[0] and 0 <= x < crack.shape[1]:
                _stamp(streaks, float(y), float(x), wide, strong * (1.0 - at / length) ** 0.7)
    return blur(streaks, 0.6) * structure.surface.mask


def _filling(scene: Scene, image: FloatArray, size: float) -> FloatArray:
    """Colour of a crack at each place [H, W, 3]: no light comes out of it, but on a dark surface dust lies in it."""
    dark = np.minimum(black_level(scene) + 0.03 * RUST, image)
    dusty = smoothstep(blur(scene.luminance, max(1.0, 0.05 * size)), 0.28, 0.18)
    return mix(dark, image + 0.35 * scene.light, dusty)


def _hidden(scene: Scene, surface: Target) -> float:
    """0…1: how lost a thin line would be amid the surface's own texture."""
    own = (scene.luminance - blur(scene.luminance, 3.0))[surface.mask].std()
    filling = _filling(scene, scene.rgb, surface.size).mean(-1)
    contrast = np.abs(filling - scene.luminance)[surface.mask].mean()
    return float(smoothstep(np.float32(own / max(float(contrast), 0.02)), _QUIET, _BUSY))


@dataclass(frozen=True)
class Cracks:
    name: str = "cracks"
    phrases: tuple[str, ...] = (
        "cracks on the storage",
        "cracks on the storage tank",
        "cracked concrete",
        "a cracked surface",
        "fractures in the tank wall",
        "the tank is cracked",
        "cracks in the road",
        "fissures in the pavement",
        "a crack runs across the roof",
        "structural cracks",
        "branching cracks with rust",
        "the dam has cracks",
    )
    typical_share: float = 0.02
    local: bool = True

    def suitability(self, scene: Scene) -> FloatArray:
        if scene.subject is not None:
            return scene.subject
        return np.asarray(np.maximum(scene.roofs, 0.4 * scene.built * (1.0 - scene.water)), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        target = find_target(scene, area, rng)
        if not target.mask.any():
            return Drawing(scene.rgb.copy(), np.zeros(scene.shape, np.float32))
        structure = _structure(_even_part(scene, target))
        surface, size = structure.surface, structure.surface.size
        # What a soft sensor spreads must be wider to be seen.
        hidden = _hidden(scene, surface)
        width = max(0.85, 0.0033 * scene.short_side, 1.2 * scene.softness) * (0.75 + 0.5 * severity) * (1.0 + hidden)
        field = np.zeros(scene.shape, np.float32)
        likely = np.clip(surface.depth / (0.4 * size), 0.0, 1.0) ** 2 * surface.mask * (0.2 + scene.luminance)
        starts = scatter(likely.astype(np.float32), 1 + round(1.6 * severity + hidden), rng)
        for index, (row, column) in enumerate(starts):
            angle = structure.across(row, column) + float(rng.normal(0.0, 0.4))
            length = size * (0.35 + 0.6 * severity) * float(rng.uniform(0.7, 1.3)) * (1.0 if index == 0 else 0.6)
            for turn in (0.0, np.pi):
                _grow(field, structure, _Crack((float(row), float(column)), angle + turn, length, width), rng)
        # It gapes and closes along its way.
        field *= np.clip(0.55 + 0.9 * fractal_noise(scene.shape, max(3.0, 0.1 * size), rng, octaves=3), 0.0, 1.0)
        inside = surface.mask * (area > 0.0)
        crack = (np.clip(field, 0.0, 1.0) * inside).astype(np.float32)

        # One side stands a little higher than the other: a lit or a shaded step, here this side, there that.
        dy, dx = scene.sun
        reach = max(1.0, width)
        edge = blur(crack, 0.5 * reach)
        step = shift(edge, dy * reach, dx * reach) - shift(edge, -dy * reach, -dx * reach)
        step *= np.sign(fractal_noise(scene.shape, 0.3 * size, rng, octaves=2) - 0.4) * inside
        rust = np.maximum(1.3 * _leaks(crack, structure, rng), 0.4 * blur(crack, 1.2 * reach)) * inside
        rust = np.clip(rust * (0.4 + 0.6 * severity), 0.0, 0.7).astype(np.float32)
        image = mix(scene.rgb, scene.rgb * (0.45 + 0.5 * RUST / float(RUST.max())), rust)
        image = image * (1.0 + 0.22 * step)[..., None]
        image = mix(image, _filling(scene, image, size), 0.95 * crack)
        return finish(scene, image, np.maximum.reduce([crack, np.abs(step), rust]), area)


CRACKS = Cracks()
