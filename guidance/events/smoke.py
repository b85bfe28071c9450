"""Smoke: a plume that drifts with one wind, thins downwind and hides the ground, without visible flames."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .likeness import finish, sensor_noise
from .noise import (
    along,
    billow_noise,
    blur,
    enlarge,
    fractal_noise,
    mix,
    noise_at,
    organic_place,
    shift,
    shrink,
    smoothstep,
    value_noise,
    warp,
)
from .scene import Scene

FloatArray = NDArray[np.float32]

FRESH = np.array([0.70, 0.685, 0.67], np.float32)
"""Smoke near the flames: brown-grey with soot."""
AGED = np.array([0.90, 0.91, 0.93], np.float32)
"""Smoke downwind: white-grey with condensed water."""
OVERHEAD = 0.003
"""Suitability where nothing burns but smoke may pass: too little for a source, more than the 0 that forbids it."""


def wind_from(scene: Scene, source: FloatArray, area: FloatArray, rng: np.random.Generator) -> tuple[float, float]:
    """A wind (dy, dx) of length 1 that carries smoke from ``source`` over the area: the scene's, as far as it does."""
    start, middle = (ndimage.center_of_mass(f + 1e-9) for f in (source, (area > 0).astype(np.float32)))
    dy, dx = middle[0] - start[0], middle[1] - start[1]
    # From the middle of the area every wind is as good; from its border only those that blow inwards.
    freedom = np.pi * (1.0 - 0.75 * min(float(np.hypot(dy, dx)) / (0.35 * min(area.shape)), 1.0))
    inwards, turn = float(np.arctan2(dy, dx)), float(rng.uniform(-freedom, freedom))
    if scene.wind is not None:
        turn = (scene.wind - inwards + np.pi) % (2 * np.pi) - np.pi
    angle = inwards + float(np.clip(turn, -freedom, freedom))
    return float(np.sin(angle)), float(np.cos(angle))


def _stirring(shape: tuple[int, int], size: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A turbulent velocity (dy, dx), [H, W] each, mean length about 1: eddies of ``size`` pixels and smaller."""
    stream = sum(np.float32(0.6**k) * size / 2**k * value_noise(shape, size / 2**k, rng) for k in range(3))
    dy, dx = np.gradient(np.asarray(stream), axis=1), -np.gradient(np.asarray(stream), axis=0)
    speed = max(float(np.hypot(dy, dx).mean()), 1e-6)
    return (dy / speed).astype(np.float32), (dx / speed).astype(np.float32)


def drift(
    source: FloatArray, wind: tuple[float, float], length: float, spread: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Carry ``source`` ``length`` pixels down a gusty wind: (density, mean age 0…1), both [H, W].

    spread: how much wider it has become at its end, as a share of ``length``.
    """
    factor = max(1, round(min(source.shape) / 112))
    puff = shrink(source, factor)
    shape = (puff.shape[0], puff.shape[1])
    rows, columns = np.indices(shape, dtype=np.float32)
    large, small = (_stirring(shape, f * min(shape), rng) for f in (0.30, 0.10))
    dy, dx = (w + 0.30 * a + 0.30 * b for w, a, b in zip(wind, large, small, strict=True))
    density, aged = np.zeros_like(puff), np.zeros_like(puff)
    # Short steps first: near the source the smoke is still narrow, and long ones would show as a row of copies.
    for age, older in pairwise(float(age) for age in np.linspace(0.0, 1.0, 27) ** 1.4):
        part = puff * np.float32((1.0 - age) * (older - age))
        density += part
        aged += part * np.float32(age)
        way = (older - age) * length / factor
        puff = ndimage.map_coordinates(puff, [rows - way * dy, columns - way * dx], order=1)
        wider = spread * length / factor * np.sqrt(older**2 - age**2)
        puff = ndimage.gaussian_filter(puff, 0.35 + wider, mode="constant")
    aged /= density + 1e-9
    return enlarge(density, factor, source.shape), enlarge(aged, factor, source.shape)


def _room(source: FloatArray, area: FloatArray, wind: tuple[float, float]) -> float:
    """Pixels from the middle of ``source`` downwind to the border of ``area``; the image's own border is none."""
    row, column = ndimage.center_of_mass(source + 1e-9)
    for way in range(1, 2 * max(area.shape)):
        y, x = round(row + way * wind[0]), round(column + way * wind[1])
        if not (0 <= y < area.shape[0] and 0 <= x < area.shape[1]):
            break
        if area[y, x] <= 0.0 and way > 4:
            return float(way)
    return float("inf")


def _fading(area: FloatArray, rng: np.random.Generator) -> FloatArray:
    """1 well inside ``area``, thinning out raggedly to 0 at its border, so that the border is not seen in smoke."""
    support = area > 0.0
    if support.all():
        return np.ones(area.shape, np.float32)
    side = min(area.shape)
    way = ndimage.distance_transform_edt(support)
    width = max(min(0.22 * side, 0.7 * float(way.max())), 1.0)
    ragged = 0.25 + 1.5 * fractal_noise(area.shape, 0.16 * side, rng)
    return smoothstep((way - 0.5) / width * ragged, 0.0, 1.0)


def _clouds(
    scene: Scene, age: FloatArray, wind: tuple[float, float], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """(thick and thin of the smoke, its puffs alone), 0…1 [H, W]: small puffs where it is young, later wisps."""
    shape, side = scene.shape, scene.short_side
    young, old = (billow_noise(shape, f * side, rng) for f in (0.06, 0.15))
    puffs = warp(mix(young, old, smoothstep(age, 0.0, 0.35)), 0.014 * side, 0.09 * side, rng)
    u, v = along(shape, wind, (shape[0] / 2, shape[1] / 2))
    meander = 0.03 * side * value_noise(shape, 0.25 * side, rng) + 0.006 * side * value_noise(shape, 0.07 * side, rng)
    streaks = noise_at(u, v + meander, (0.24 * side, 0.085 * side), rng, octaves=5)
    return mix(puffs, streaks, 0.25 + 0.5 * smoothstep(age, 0.1, 0.6)), puffs


def _relief(scene: Scene, body: FloatArray, puffs: FloatArray) -> FloatArray:
    """−1…1: where the top of the smoke faces the sun or turns from it."""
    side = scene.short_side
    top = blur(np.minimum(body, 1.2), 0.006 * side) * (0.5 + puffs)
    sun_y, sun_x = scene.sun
    slope = (np.gradient(top, axis=0) * sun_y + np.gradient(top, axis=1) * sun_x) * np.float32(side / 12)
    return np.tanh(blur(slope.astype(np.float32), 0.004 * side))


def brightness(scene: Scene) -> float:
    """0…1: how bright the scene's bright things are; little in a dark or dim scene, where all light is less."""
    return float(np.quantile(scene.luminance, 0.98))


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
    spread: float,
    firelight: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Draw smoke from ``source`` over ``image``: (the image with it, how much each pixel changed).

    length: way of the smoke in pixels; thickness: optical depth of its thick parts; spread: how wide it
    becomes, as a share of ``length``; nothing outside ``area``.
    firelight: light [H, W, 3] that falls on the smoke from below.
    """
    shape, side = scene.shape, scene.short_side
    density, age = drift(source, wind, min(length, 1.3 * _room(source, area, wind)), spread, rng)
    thick = density > 0.02 * float(density.max()) + 1e-9
    density = density / max(float(np.quantile(density[thick], 0.85)) if thick.any() else 1.0, 1e-9)
    density = np.asarray(np.minimum(density, 2.0) ** 0.6, np.float32)
    clouds, puffs = _clouds(scene, age, wind, rng)
    # The older the smoke, the more of it has come apart: only the crests of its clouds are left.
    torn = smoothstep(clouds + 0.30 * density - 0.55 * age, 0.18, 0.95)
    body = density * (0.12 + 1.5 * torn)
    edge = _fading(area, rng)
    alpha = (1.0 - np.exp(-thickness * np.minimum(body, 1.6) * edge)).astype(np.float32)

    lift = np.float32(np.clip(0.40 + 0.70 * brightness(scene), 0.0, 1.0))
    colour = lift * mix(FRESH, AGED, smoothstep(age + 0.25 * value_noise(shape, 0.2 * side, rng), -0.1, 0.35))
    relief = _relief(scene, body, puffs) * smoothstep(alpha, 0.1, 0.7)
    colour = colour * (0.92 + 0.13 * relief + 0.20 * (clouds - 0.5))[..., None]
    colour += sensor_noise(scene, rng)[..., None] * 0.6
    if firelight is not None:
        colour += firelight

    sun_y, sun_x = scene.sun
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
        """Anything that can burn; open water carries no source, but smoke drifts over it."""
        burnable = 0.15 + 0.85 * np.maximum(scene.vegetation, 0.4 * scene.built)
        if scene.subject is not None:
            burnable = np.maximum(0.05 * burnable, scene.subject)
        return np.asarray(np.maximum(burnable * (1.0 - scene.water), OVERHEAD), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        # The ground smokes from many small places near each other, not from one disc.
        spot = organic_place(area, 0.008 + 0.022 * severity, rng, 0.9, preference=self.suitability(scene))
        speckle = 0.05 + 0.95 * smoothstep(fractal_noise(scene.shape, 0.05 * scene.short_side, rng), 0.50, 0.75)
        source = blur(spot * speckle, 0.012 * scene.short_side)
        wind = wind_from(scene, source, area, rng)
        extent = float(np.sqrt(np.count_nonzero(area > 0)))
        image, mask = draw_plume(
            scene,
            scene.rgb,
            source,
            area,
            rng,
            wind=wind,
            length=(0.7 + 1.0 * severity) * extent,
            thickness=0.8 + 2.6 * severity,
            spread=0.20,
        )
        return finish(scene, image, mask, area)


SMOKE = Smoke()
