"""Wildfire: char, a broken bright front with spot fires ahead, glow on the crowns, smoke in one wind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .burn_scar import charred, scorched
from .likeness import detail_noise, finish, sensor_noise, texture
from .noise import (
    blur,
    fractal_noise,
    inside,
    mix,
    organic_place,
    pick_point,
    ridged_noise,
    shift,
    smoothstep,
    value_noise,
)
from .scene import Scene
from .smoke import OVERHEAD, brightness, draw_plume, wind_from

FloatArray = NDArray[np.float32]

HEAT = np.array([0.0, 0.25, 0.45, 0.65, 0.85, 1.0], np.float32)
FLAME = np.array(
    [
        [0.20, 0.05, 0.03],
        [0.55, 0.13, 0.04],
        [0.90, 0.36, 0.08],
        [1.0, 0.62, 0.18],
        [1.0, 0.86, 0.48],
        [1.0, 0.97, 0.84],
    ],
    np.float32,
)
"""Colour of flame seen from above over its heat: dull red, orange, yellow, white."""
GLOW = np.array([1.0, 0.42, 0.12], np.float32)


def _flame_colour(heat: FloatArray, bright: float) -> FloatArray:
    """Flame of ``heat`` 0…1 in a scene whose bright things have the luminance ``bright``: dim and red in dim light."""
    heat = heat * np.float32(np.clip(0.45 + 0.75 * bright, 0.0, 1.0))
    colour = np.stack([np.interp(heat, HEAT, FLAME[:, c]) for c in range(3)], -1)
    return np.asarray(colour * np.clip(0.55 + 0.7 * bright, 0.0, 1.0), np.float32)


def _spot_fires(reach: FloatArray, fuel: FloatArray, count: int, radius: float, rng: np.random.Generator) -> FloatArray:
    """Small separate fires where embers fell: ``reach`` weights where, [H, W] in 0…1."""
    spots = np.zeros(fuel.shape, np.float32)
    rows, columns = np.indices(fuel.shape, dtype=np.float32)
    for _ in range(count):
        row, column = pick_point(reach * fuel, rng)
        size = radius * float(rng.uniform(0.4, 1.6))
        ragged = np.maximum(1.0 + 0.4 * value_noise(fuel.shape, size, rng), 0.45)
        spots = np.maximum(spots, np.exp(-((rows - row) ** 2 + (columns - column) ** 2) * ragged**2 / (2 * size**2)))
    return spots.astype(np.float32)


@dataclass(frozen=True)
class _Burn:
    """How far the fire has come.

    depth: [H, W] pixels to its ragged perimeter, positive where it has burnt; head: 0…1, 1 where the perimeter moves
    downwind; ground: 0…1, where the ground can burn at all; wind: unit (dy, dx); crown, width: pixels of a tree's crown
    and of the burning front.
    """

    depth: FloatArray
    head: FloatArray
    ground: FloatArray
    wind: tuple[float, float]
    crown: float
    width: float


def _signed_depth(burning: NDArray[np.bool_]) -> FloatArray:
    depth = ndimage.distance_transform_edt(burning) - ndimage.distance_transform_edt(~burning)
    return np.asarray(np.clip(depth, -min(burning.shape), min(burning.shape)), np.float32)


def _burn(scene: Scene, area: FloatArray, fit: FloatArray, severity: float, rng: np.random.Generator) -> _Burn:
    shape, side = scene.shape, scene.short_side
    fuel = (area * (0.04 + fit)).astype(np.float32)
    dry = 1.0 - float(scene.water[area > 0.0].mean()) if (area > 0.0).any() else 0.0
    place = organic_place(area, (0.03 + 0.18 * severity) * dry, rng, 0.9, preference=blur(fuel, 0.03 * side))
    wind = wind_from(scene, place, area, rng)
    crown = float(np.clip(scene.grain, 0.02 * side, 0.08 * side))
    width = float(np.clip(0.3 * crown, 0.009 * side, 0.014 * side)) * (0.7 + 0.6 * severity)
    # Ragged at crown scale; short of that, islands would ring themselves with flame.
    ragged = 2 * fractal_noise(shape, 1.6 * crown, rng, octaves=6) - 1
    depth = _signed_depth(_signed_depth(place > 0.5) + 3.0 * width * ragged > 0.0)
    smooth = blur(depth, 0.03 * side)
    rise_y, rise_x = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
    steepness = np.maximum(np.hypot(rise_y, rise_x), 1e-3)
    head = smoothstep(-(rise_y * wind[0] + rise_x * wind[1]) / steepness, -0.7, 0.6)
    # Fire runs through the gaps between crowns, but not over roofs, roads and water.
    near = blur(fit, 0.012 * side) * (0.4 + 1.2 * fractal_noise(shape, crown, rng))
    ground = smoothstep(near, 0.04, 0.25) * inside(area, 0.01 * side)
    return _Burn(depth, head, ground, wind, crown, width)


def _heat(scene: Scene, area: FloatArray, burn: _Burn, severity: float, rng: np.random.Generator) -> FloatArray:
    """How hot it burns, 0…1 [H, W]: flames at the front, embers behind, spot fires ahead."""
    shape, side, depth, width = scene.shape, scene.short_side, burn.depth, burn.width
    # Along the front the fire swells and dies: strongest at its head, out in places.
    course = 0.6 * fractal_noise(shape, 0.10 * side, rng, octaves=2) + 0.4 * fractal_noise(
        shape, 1.6 * burn.crown, rng, octaves=3
    )
    power = smoothstep(course + 0.30 * burn.head, 0.46, 0.92)
    ahead, behind = width * (0.25 + 1.2 * power), width * (0.5 + 3.4 * power)
    uneven = depth + 1.2 * width * (2 * fractal_noise(shape, 0.5 * burn.crown, rng) - 1)
    front = np.where(uneven > 0.0, np.exp(-np.maximum(uneven, 0.0) / behind), np.exp(-((uneven / ahead) ** 2)))
    embers = smoothstep(ridged_noise(shape, 0.8 * burn.crown, rng), 0.45, 0.9)
    embers = 0.55 * embers * np.exp(-np.maximum(depth, 0) / (7 * width)) * smoothstep(depth, -width, width)
    reach = np.exp(-((depth + 4 * width) ** 2) / (2 * (2.2 * width) ** 2)) * burn.head**2
    spots = _spot_fires(reach.astype(np.float32), area * burn.ground, 2 + round(5 * severity), 0.45 * width, rng)
    # Flames stand in the crowns, and flicker at the size of branches.
    licks = fractal_noise(shape, 0.4 * burn.crown, rng, octaves=5)
    tongues = np.clip(1.8 * licks - 0.25 + 0.5 * detail_noise(scene, rng), 0.0, 1.3)
    crowns = np.clip(texture(scene, burn.crown), 0.5, 1.4) ** 0.7
    heat = np.maximum(front * (0.25 + 1.1 * power) * smoothstep(power, 0.0, 0.25), embers * (0.4 + power))
    heat = (1.15 * heat + 0.8 * spots) * tongues * crowns * burn.ground
    return np.asarray(np.clip(heat * (0.8 + 0.5 * severity), 0.0, 1.0), np.float32)


def _scorch(scene: Scene, burn: _Burn, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The burnt ground and the leaves that the heat has withered: (image [H, W, 3], mask, char alone)."""
    patchy = smoothstep(fractal_noise(scene.shape, 2.5 * burn.crown, rng), 0.22, 0.42)
    char = smoothstep(burn.depth, -0.3 * burn.width, 1.2 * burn.width) * burn.ground * (0.5 + 0.5 * patchy)
    scorch = smoothstep(burn.depth, -4.5 * burn.width, 0.0) * burn.ground * scene.vegetation * 0.6
    image = mix(scene.rgb, scorched(scene, rng), scorch)
    image = mix(image, charred(scene, burn.wind, rng) + 0.7 * sensor_noise(scene, rng)[..., None], 0.95 * char)
    return image, np.maximum(char, scorch), char


def _glow(scene: Scene, heat: FloatArray, area: FloatArray, burn: _Burn) -> FloatArray:
    """Firelight that falls on what stands around the flames, [H, W]: close by strong, further out faint."""
    near, far = blur(heat, 1.8 * burn.width), blur(heat, 6.0 * burn.width)
    return np.asarray((0.8 * near + 1.8 * far) * inside(area, 0.06 * scene.short_side), np.float32)


@dataclass(frozen=True)
class Fire:
    name: str = "fire"
    phrases: tuple[str, ...] = (
        "a fire in the forest",
        "forest fire",
        "wildfire",
        "heavily burning",
        "large fire",
        "trees in flames",
        "flames and smoke",
        "the forest is on fire",
        "a bushfire with a flame front",
        "burning trees",
        "active fire with bright flames",
        "blazing vegetation",
        "grass fire",
        "something burns fiercely",
    )
    typical_share: float = 0.2
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Trees best, other vegetation next, dry open ground a little; over open water only smoke."""
        fuel = np.maximum(scene.trees, 0.6 * scene.vegetation) + 0.12 * scene.bare * (1.0 - scene.vegetation)
        fuel = fuel * (1.0 - 0.9 * np.maximum(scene.built, scene.roofs)) * (1.0 - scene.water)
        if scene.subject is not None:
            fuel = np.maximum(0.05 * fuel, scene.subject)
        return np.asarray(np.clip(fuel, OVERHEAD, 1.0), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        burn = _burn(scene, area, self.suitability(scene), severity, rng)
        heat = _heat(scene, area, burn, severity, rng)
        image, mask, char = _scorch(scene, burn, rng)
        bright = brightness(scene)
        glow = _glow(scene, heat, area, burn)
        # What reflects much daylight reflects much firelight: the crowns' own texture shows in it.
        reflects = np.clip(scene.luminance / max(bright, 0.1), 0.0, 1.2) * (1.0 - 0.6 * char)
        light = np.float32(1.2 - 0.85 * bright) * GLOW
        image += (glow * (0.08 + 0.9 * reflects))[..., None] * light
        flame = smoothstep(heat, 0.06, 0.50)
        image = mix(image, _flame_colour(heat, bright), flame)
        mask = 1.0 - (1.0 - mask) * (1.0 - np.clip(1.5 * glow, 0, 1)) * (1.0 - flame)

        # Smoke leaves the head most of all, and the hot ground behind it a little.
        hot = blur(heat, burn.width) * (0.25 + burn.head)
        hot += 0.05 * char * np.exp(-np.maximum(burn.depth, 0) / (6 * burn.width))
        smoky, veil = draw_plume(
            scene,
            image,
            shift(hot.astype(np.float32), burn.wind[0] * burn.width, burn.wind[1] * burn.width),
            area,
            rng,
            wind=burn.wind,
            length=(0.6 + 0.7 * severity) * scene.short_side,
            thickness=1.0 + 1.4 * severity,
            spread=0.13,
            firelight=glow[..., None] * light * np.array([0.30, 0.22, 0.10], np.float32),
        )
        # Hot flames shine through thin smoke, hardly through thick.
        through = 0.55 * smoothstep(heat, 0.3, 0.9) * (1.0 - 0.7 * veil)
        image = mix(smoky, image, through)
        mask = 1.0 - (1.0 - mask) * (1.0 - veil)
        return finish(scene, image, mask.astype(np.float32), area)


FIRE = Fire()
