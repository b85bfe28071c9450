"""Smoke: a plume that drifts with one wind, thins downwind and hides the ground, without visible flames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .noise import (
    along,
    billow_noise,
    blur,
    enlarge,
    finish,
    fractal_noise,
    inside,
    mix,
    noise_at,
    organic_place,
    sensor_noise,
    shift,
    shrink,
    smoothstep,
    value_noise,
    warp,
)
from .scene import Scene

FloatArray = NDArray[np.float32]

FRESH = np.array([0.72, 0.705, 0.685], np.float32)
"""Smoke near the flames: brown-grey with soot."""
AGED = np.array([0.90, 0.91, 0.93], np.float32)
"""Smoke downwind: white-grey with condensed water."""


def wind_from(source: FloatArray, area: FloatArray, rng: np.random.Generator) -> tuple[float, float]:
    """A wind (dy, dx) of length 1 that carries smoke from ``source`` over the area, with some freedom."""
    start, middle = (ndimage.center_of_mass(f + 1e-9) for f in (source, (area > 0).astype(np.float32)))
    dy, dx = middle[0] - start[0], middle[1] - start[1]
    # From the middle of the area every wind is as good; from its border only those that blow inwards.
    freedom = np.pi * (1.0 - 0.75 * min(float(np.hypot(dy, dx)) / (0.35 * min(area.shape)), 1.0))
    angle = float(np.arctan2(dy, dx) + rng.uniform(-freedom, freedom))
    return float(np.sin(angle)), float(np.cos(angle))


def drift(source: FloatArray, wind: tuple[float, float], length: float, spread: float) -> tuple[FloatArray, FloatArray]:
    """Carry ``source`` downwind while it widens: (density, mean age 0…1), both [H, W].

    length: how far, in pixels; spread: widening per pixel of way.
    """
    factor = max(1, round(min(source.shape) / 96))
    coarse = shrink(source, factor)
    density, aged = np.zeros_like(coarse), np.zeros_like(coarse)
    steps = 18
    for k in range(steps):
        age = (k / (steps - 1)) ** 1.3
        way = age * length / factor
        puff = ndimage.shift(coarse, (wind[0] * way, wind[1] * way), order=1)
        puff = ndimage.gaussian_filter(puff, 0.8 + spread * way) * (1.0 - age) ** 0.8
        density += puff
        aged += puff * np.float32(age)
    aged /= density + 1e-6
    return enlarge(density, factor, source.shape), enlarge(aged, factor, source.shape)


def draw_plume(
    scene: Scene,
    image: FloatArray,
    source: FloatArray,
    area: FloatArray,
    rng: np.random.Generator,
    *,
    wind: tuple[float, float],
    length: float,
    thickness: float,
) -> tuple[FloatArray, FloatArray]:
    """Draw smoke from ``source`` over ``image``: (the image with it, how much each pixel changed).

    length: way of the smoke in pixels; thickness: optical depth of its thick parts; nothing outside ``area``.
    """
    shape, side = scene.shape, scene.short_side
    density, age = drift(source, wind, length, spread=0.30)
    density = warp(density, 0.035 * side, 0.16 * side, rng)
    density /= max(float(np.quantile(density[density > 1e-5], 0.97)) if (density > 1e-5).any() else 1.0, 1e-6)
    density = np.sqrt(np.minimum(density, 1.5))
    puffs = warp(billow_noise(shape, 0.12 * side, rng), 0.03 * side, 0.10 * side, rng)
    u, v = along(shape, wind, (shape[0] / 2, shape[1] / 2))
    streaks = noise_at(u, v + 0.05 * side * value_noise(shape, 0.25 * side, rng), (0.35 * side, 0.10 * side), rng)
    clouds = mix(puffs, streaks, smoothstep(age, 0.05, 0.6) * 0.65)
    edge = inside(area, 0.06 * side)
    body = np.clip(density * 1.5 - 0.75 * (1.0 - clouds), 0.0, None) * (0.35 + 1.3 * clouds)
    depth = thickness * np.minimum(body, 1.6) * edge
    alpha = (1.0 - np.exp(-depth)).astype(np.float32)

    # Height of the plume's top: lit where it rises away from the sun, shaded behind its puffs.
    top = blur(np.minimum(body, 1.2), 0.006 * side) * (0.5 + puffs)
    sun_y, sun_x = scene.sun
    slope = (np.gradient(top, axis=0) * sun_y + np.gradient(top, axis=1) * sun_x) * np.float32(side / 12)
    relief = np.tanh(blur(slope.astype(np.float32), 0.004 * side))
    lift = 0.55 + 0.45 * float(scene.light.mean())
    colour = mix(FRESH, AGED, smoothstep(age + 0.25 * value_noise(shape, 0.2 * side, rng), 0.0, 0.45)) * np.float32(
        lift
    )
    colour = colour * (0.92 + 0.13 * relief * smoothstep(alpha, 0.1, 0.7) + 0.20 * (clouds - 0.5))[..., None]
    colour += sensor_noise(scene, rng)[..., None] * 0.6

    cast = 0.05 * side
    shade = 0.28 * blur(shift(alpha, sun_y * cast, sun_x * cast), 0.02 * side) * edge
    shaded = image * (1.0 - shade)[..., None]
    changed = 1.0 - (1.0 - alpha) * (1.0 - 0.5 * shade)
    return mix(shaded, colour, alpha), changed.astype(np.float32)


@dataclass(frozen=True)
class Smoke:
    name: str = "smoke"
    phrases: tuple[str, ...] = (
        "smoke",
        "a plume of smoke",
        "smoke rising from the forest",
        "thick smoke over the trees",
        "smoke drifting in the wind",
        "a smoke column",
        "white smoke",
        "the area is covered in smoke",
        "smoky haze from a fire",
        "a smoking fire without flames",
        "smouldering ground",
        "smoke blowing across the scene",
    )
    typical_share: float = 0.15
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Anything that can burn; open water carries no source."""
        burnable = 0.15 + 0.85 * np.maximum(scene.vegetation, 0.4 * scene.built)
        return np.asarray(burnable * (1.0 - scene.water), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        # The ground smokes from many small places near each other, not from one disc.
        spot = organic_place(area, 0.006 + 0.014 * severity, rng, 0.9, preference=self.suitability(scene))
        speckle = 0.3 + 0.7 * smoothstep(fractal_noise(scene.shape, max(4.0, 0.6 * scene.grain), rng), 0.42, 0.62)
        source = blur(spot * speckle, 0.012 * scene.short_side)
        wind = wind_from(source, area, rng)
        extent = float(np.sqrt(np.count_nonzero(area > 0)))
        image, mask = draw_plume(
            scene,
            scene.rgb,
            source,
            area,
            rng,
            wind=wind,
            length=(0.5 + 0.8 * severity) * extent,
            thickness=0.8 + 3.2 * severity,
        )
        return finish(scene, image, mask, area)


SMOKE = Smoke()
