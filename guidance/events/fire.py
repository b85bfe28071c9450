"""Wildfire: char, a broken bright front with spot fires ahead, glow on the crowns, smoke in one wind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .burn_scar import charred, scorched
from .noise import (
    blur,
    detail_noise,
    finish,
    fractal_noise,
    inside,
    mix,
    organic_place,
    pick_point,
    ridged_noise,
    sensor_noise,
    shift,
    smoothstep,
    texture,
    value_noise,
)
from .scene import Scene
from .smoke import draw_plume, wind_from

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


def _flame_colour(heat: FloatArray) -> FloatArray:
    return np.stack([np.interp(heat, HEAT, FLAME[:, c]) for c in range(3)], -1).astype(np.float32)


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
        """Trees best, other vegetation next, dry open ground a little; never open water."""
        fuel = np.maximum(scene.trees, 0.6 * scene.vegetation) + 0.12 * scene.bare * (1.0 - scene.vegetation)
        fuel = fuel * (1.0 - 0.9 * np.maximum(scene.built, scene.roofs)) * (1.0 - scene.water)
        return np.asarray(np.minimum(fuel, 1.0), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        shape, side = scene.shape, scene.short_side
        fuel = (area * (0.04 + self.suitability(scene))).astype(np.float32)
        place = organic_place(area, 0.03 + 0.18 * severity, rng, 0.9, preference=blur(fuel, 0.03 * side))
        burning = place > 0.5
        wind = wind_from(place, area, rng)
        # Fire runs through the gaps between crowns, but not over roofs, roads and water.
        burnable = smoothstep(blur(self.suitability(scene), 0.012 * side), 0.04, 0.25) * inside(area, 0.01 * side)

        # Signed distance to the perimeter in pixels, ragged at crown scale: positive where it has burnt.
        crown = float(np.clip(scene.grain, 0.02 * side, 0.08 * side))
        width = float(np.clip(0.3 * crown, 0.009 * side, 0.014 * side)) * (0.7 + 0.6 * severity)
        depth = ndimage.distance_transform_edt(burning) - ndimage.distance_transform_edt(~burning)
        burning = depth + 3.5 * width * (2 * fractal_noise(shape, 1.2 * crown, rng, octaves=6) - 1) > 0.0
        depth = ndimage.distance_transform_edt(burning) - ndimage.distance_transform_edt(~burning)
        depth = np.clip(depth, -side, side).astype(np.float32)
        smooth = blur(depth, 0.03 * side)
        rise_y, rise_x = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
        steepness = np.maximum(np.hypot(rise_y, rise_x), 1e-3)
        head = smoothstep(-(rise_y * wind[0] + rise_x * wind[1]) / steepness, -0.7, 0.6)

        burnt = smoothstep(depth, -0.3 * width, 1.2 * width)
        patchy = smoothstep(fractal_noise(shape, 2.5 * crown, rng), 0.26, 0.42)
        char = burnt * burnable * (0.35 + 0.65 * patchy)

        # The front: strongest at the head of the fire, broken by gaps, running from crown to crown.
        gaps = smoothstep(fractal_noise(shape, 0.09 * side, rng, octaves=3) + 0.35 * head, 0.46, 0.72)
        swell = width * (0.25 + 1.7 * fractal_noise(shape, 1.5 * crown, rng, octaves=3)) * (0.45 + 0.75 * head)
        front = np.exp(-(((depth - 0.4 * width) / np.where(depth > 0.4 * width, 1.6 * swell, swell)) ** 2)) * gaps
        embers = ridged_noise(shape, 0.8 * crown, rng)
        after = smoothstep(embers, 0.5, 0.85) * np.exp(-np.maximum(depth, 0) / (5 * width)) * burnt * 0.85
        ahead = np.exp(-((depth + 4 * width) ** 2) / (2 * (2.2 * width) ** 2)) * head**2
        spots = _spot_fires(ahead.astype(np.float32), fuel, 2 + round(5 * severity), 0.5 * width, rng)
        # Flames lean and lick downwind: fine noise drawn out along the wind, broken at the size of branches.
        licks = fractal_noise(shape, 0.45 * crown, rng, octaves=5)
        tongues = np.clip(0.25 + 1.1 * licks + 0.5 * detail_noise(scene, rng), 0.1, 1.3)
        crowns = np.clip(texture(scene, crown), 0.4, 1.5) ** 0.6
        heat = (1.2 * np.maximum(front, after * gaps) * tongues * crowns + 1.1 * spots * tongues) * burnable
        heat = np.clip(heat * (0.85 + 0.5 * severity), 0.0, 1.15).astype(np.float32)

        scorch = smoothstep(depth, -3.5 * width, 0.0) * burnable * scene.vegetation * 0.55
        image = mix(scene.rgb, scorched(scene, rng), scorch)
        image = mix(image, charred(scene, wind, rng) + 0.7 * sensor_noise(scene, rng)[..., None], 0.95 * char)
        # Flames light the crowns beside them: added light, so the crowns' own texture shows in it.
        glow = (0.75 * blur(heat, 1.6 * width) + 0.9 * blur(heat, 4.5 * width)) * inside(area, 0.03 * side)
        image += (glow * (0.12 + 1.0 * scene.luminance))[..., None] * GLOW
        flame = smoothstep(heat, 0.10, 0.40)
        image = mix(image, _flame_colour(heat), flame)
        mask = 1.0 - (1.0 - np.maximum(char, scorch)) * (1.0 - np.clip(2 * glow, 0, 1)) * (1.0 - flame)

        # Smoke leaves the flames and the hot ground behind them, and rises ahead of the front.
        source = shift(
            blur(heat, width) + 0.12 * char * np.exp(-np.maximum(depth, 0) / (6 * width)),
            wind[0] * width,
            wind[1] * width,
        )
        smoky, veil = draw_plume(
            scene,
            image,
            source,
            area,
            rng,
            wind=wind,
            length=(0.5 + 0.6 * severity) * side,
            thickness=1.0 + 1.4 * severity,
        )
        through = 0.75 * smoothstep(heat, 0.2, 0.8)
        image = mix(smoky, image, through)
        mask = 1.0 - (1.0 - mask) * (1.0 - veil)
        return finish(scene, image, mask.astype(np.float32), area)


FIRE = Fire()
