"""Cracks: dark branching lines that wander over a hard surface, with depth, a light lip and rust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .noise import blur, finish, fractal_noise, mix, shift
from .objects import Target, find_target, scatter, target_of
from .regions import largest_part
from .scene import Scene

FloatArray = NDArray[np.float32]

RUST = np.array([0.43, 0.27, 0.15], np.float32)


def _stamp(field: FloatArray, row: float, column: float, radius: float) -> None:
    """A disc with a soft edge of one pixel, kept where it is the darkest. In place."""
    reach = int(np.ceil(radius + 1.0))
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    window = (slice(top, int(row) + reach + 2), slice(left, int(column) + reach + 2))
    patch = field[window]
    if patch.size == 0:
        return
    y = np.arange(top, top + patch.shape[0], dtype=np.float32)[:, None] - row
    x = np.arange(left, left + patch.shape[1], dtype=np.float32)[None, :] - column
    strength = min(1.0, 2.0 * radius)
    np.maximum(patch, strength * np.clip(max(radius, 0.5) + 0.5 - np.hypot(y, x), 0.0, 1.0), out=patch)


def _grow(
    field: FloatArray,
    surface: Target,
    start: tuple[float, float],
    *,
    angle: float,
    length: float,
    width: float,
    rng: np.random.Generator,
    generation: int = 0,
) -> None:
    """One crack and its branches: a walk that keeps its heading, kinks and thins out. In place."""
    height, wide = field.shape
    row, column = start
    step = max(0.5, 0.35 * width)
    kink = max(3.0, 0.05 * surface.size)
    travelled, until_kink, heading = 0.0, 0.0, angle
    while travelled < length:
        if until_kink <= 0.0:
            heading = angle + float(rng.normal(0.0, 0.45))
            angle += float(rng.normal(0.0, 0.13))
            until_kink = kink * float(rng.uniform(0.4, 1.6))
            if generation < 3 and travelled > 0.08 * length and rng.random() < 0.34:
                side = 1.0 if rng.random() < 0.5 else -1.0
                rest = (length - travelled) * float(rng.uniform(0.35, 0.75))
                branch = angle + side * float(rng.uniform(0.45, 1.1))
                _grow(
                    field,
                    surface,
                    (row, column),
                    angle=branch,
                    length=rest,
                    width=0.62 * width,
                    rng=rng,
                    generation=generation + 1,
                )
        row += step * np.sin(heading) + float(rng.normal(0.0, 0.12 * step))
        column += step * np.cos(heading) + float(rng.normal(0.0, 0.12 * step))
        if not (0 <= row < height and 0 <= column < wide) or not surface.mask[int(row), int(column)]:
            return
        taper = (1.0 - travelled / length) ** 0.6
        _stamp(field, row, column, 0.5 * width * taper * float(rng.uniform(0.75, 1.2)))
        travelled += step
        until_kink -= step


def _even_part(scene: Scene, target: Target) -> Target:
    """The bright, even part of an object: the top of a tank without its rim and shaded side."""
    luminance = blur(scene.luminance, max(1.0, 0.02 * target.size))
    limit = 0.62 * float(np.quantile(luminance[target.mask], 0.85))
    bright = ndimage.binary_opening(target.mask & (luminance > limit), iterations=max(1, round(0.03 * target.size)))
    if np.count_nonzero(bright) < 0.3 * np.count_nonzero(target.mask):
        return target
    return target_of(scene, ndimage.binary_fill_holes(largest_part(bright)))


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
        return np.asarray(np.maximum(scene.roofs, 0.4 * scene.built * (1.0 - scene.water)), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        target = find_target(scene, area, rng)
        if not target.mask.any():
            return Drawing(scene.rgb.copy(), np.zeros(scene.shape, np.float32))
        surface = _even_part(scene, target)
        size, light = surface.size, scene.light / float(scene.light.max())
        bright = scene.luminance * surface.mask
        width = float(np.clip(0.024 * size, 1.3, max(1.3, 0.012 * scene.short_side))) * (0.6 + 0.8 * severity)
        field = np.zeros(scene.shape, np.float32)
        likely = np.clip(surface.depth / (0.25 * size), 0.0, 1.0) * surface.mask * (0.2 + bright)
        origins = scatter(likely.astype(np.float32), 1 + round(2.2 * severity), rng)
        for index, (row, column) in enumerate(origins):
            arms = int(rng.integers(3, 5)) if index == 0 else int(rng.integers(2, 4))
            first = float(rng.uniform(0.0, 2 * np.pi))
            for arm in range(arms):
                angle = first + 2 * np.pi * arm / arms + float(rng.normal(0.0, 0.3))
                length = size * (0.25 + 0.75 * severity) * float(rng.uniform(0.5, 1.0)) * (1.0 if index == 0 else 0.6)
                start = (float(row), float(column))
                _grow(field, surface, start, angle=angle, length=length, width=width, rng=rng)
        # The gap opens and closes along the crack.
        field *= 0.72 + 0.28 * fractal_noise(scene.shape, max(2.0, 0.05 * size), rng, octaves=3) / 0.5
        crack = np.clip(field, 0.0, 1.0) * surface.mask * (area > 0.0)

        dy, dx = scene.sun
        offset = max(0.7, 0.45 * width)
        # Light comes from −sun: the far lip of the gap is lit, the near one throws its shadow into it.
        lip = np.clip(shift(crack, dy * offset, dx * offset) - crack, 0.0, 1.0) * surface.mask
        halo = np.clip(blur(crack, 1.1 * width) * 1.5 - crack, 0.0, 1.0) * surface.mask
        stain = blur(crack, max(1.5, 0.035 * size)) * fractal_noise(scene.shape, 0.12 * size, rng, octaves=4)
        stain = np.clip(stain * 3.2 * (0.4 + 0.6 * severity), 0.0, 0.75) * surface.mask
        stain[stain < 0.02] = 0.0
        image = mix(scene.rgb, scene.rgb * (0.25 + 0.75 * RUST / float(RUST.max())), stain)
        image = mix(image, image * 0.72, 0.6 * halo)
        image = mix(image, np.minimum(image * 1.15 + 0.10 * light, 1.0), 0.8 * lip)
        image = mix(image, scene.rgb * 0.10 + 0.03 * RUST, 0.95 * crack)
        return finish(scene, image, np.maximum.reduce([crack, lip, 0.6 * halo, stain]), area)


CRACKS = Cracks()
