"""Burn scar: what a fire leaves. Charred ground, ash, scorched crowns along the edge, unburnt islands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Drawing
from .likeness import black_level, detail_noise, finish, sensor_noise, sunlit_white, texture
from .noise import along, blur, fractal_noise, inside, mix, noise_at, organic_place, random_direction, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]

CHAR = np.array([0.120, 0.104, 0.094], np.float32)
SCORCHED_EARTH = np.array([0.245, 0.185, 0.140], np.float32)
ASH = np.array([0.47, 0.455, 0.44], np.float32)
SCORCHED_LEAF = np.array([1.22, 0.88, 0.58], np.float32)
"""Foliage killed by heat, as a factor on luminance."""
WITHERED_LEAF = np.array([1.08, 0.95, 0.66], np.float32)


def charred(scene: Scene, wind: tuple[float, float], rng: np.random.Generator) -> FloatArray:
    """The whole scene as burnt ground, [H, W, 3]: char that keeps the crowns' relief, scorched earth, ash."""
    size = max(3.0, scene.grain)
    relief = np.clip(texture(scene, 1.2 * size), 0.25, 2.0)
    broad = fractal_noise(scene.shape, 5 * size, rng)
    fine = fractal_noise(scene.shape, 0.8 * size, rng, octaves=5)
    grain = detail_noise(scene, rng)
    ground = mix(CHAR, SCORCHED_EARTH, smoothstep(0.6 * broad + 0.4 * fine, 0.42, 0.70))
    # Ash: thin drifts along the wind, and the litter of burnt crowns, fine as the picture's own grain.
    u, v = along(scene.shape, wind, (0.0, 0.0))
    streaks = noise_at(u, v, (4.0 * size, size), rng)
    drifts = smoothstep(0.5 * fine + 0.5 * streaks + 0.5 * grain, 0.55, 0.95)
    ground = mix(ground, ASH, 0.55 * drifts * smoothstep(broad, 0.35, 0.7))
    lit = (relief**1.25 * (1.0 + 0.9 * grain))[..., None]
    haze = black_level(scene)
    haze = 0.55 * mix(haze, np.full(3, haze.mean()), 0.6)
    return (haze + (1.0 - haze) * ground * lit * sunlit_white(scene)).astype(np.float32)


def scorched(scene: Scene, rng: np.random.Generator) -> FloatArray:
    """The whole scene with heat-killed foliage, [H, W, 3]: its own light and dark, leaves orange-brown."""
    amount = fractal_noise(scene.shape, 1.5 * scene.grain, rng, octaves=3)[..., None]
    factor = mix(SCORCHED_LEAF, WITHERED_LEAF, amount[..., 0])
    return np.asarray(np.clip(scene.luminance[..., None] * factor, 0.0, 1.0), np.float32)


@dataclass(frozen=True)
class BurnScar:
    name: str = "burn_scar"
    phrases: tuple[str, ...] = (
        "a burn scar",
        "burned area after a wildfire",
        "burnt forest",
        "charred ground",
        "blackened trees",
        "scorched land",
        "the forest has burned down",
        "fire damage in the vegetation",
        "ash covered ground",
        "burned vegetation",
        "after the fire",
        "a blackened patch of burnt grass",
    )
    typical_share: float = 0.3
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Vegetation, dry grass and shrub on open ground less so; never water."""
        fuel = np.maximum(scene.vegetation, 0.35 * scene.bare) * (1.0 - scene.water)
        return np.asarray(fuel * (1.0 - 0.9 * np.maximum(scene.built, scene.roofs)), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        fit, side = self.suitability(scene), scene.short_side
        near = blur(fit, 0.03 * side)
        place = organic_place(area, 0.12 + 0.5 * severity, rng, 0.8, softness=0.12, preference=near)
        wind = random_direction(rng)
        size = max(3.0, scene.grain)
        ragged = fractal_noise(scene.shape, 1.5 * size, rng)
        patchy = fractal_noise(scene.shape, 0.16 * side, rng)
        # Ground burns where there is fuel within reach: the gaps between crowns do, roofs and roads do not.
        burnable = smoothstep(blur(fit, min(0.3 * size, 0.012 * side)), 0.08, 0.30)
        heat = place * (0.45 + 1.1 * severity) + 0.5 * (ragged - 0.5) + 0.9 * (patchy - 0.62)
        burnt = smoothstep(heat, 0.30, 0.44) * smoothstep(place, 0.0, 0.4) * burnable
        near_fire = blur(burnt, 0.8 * size) + 0.7 * (fractal_noise(scene.shape, 0.9 * size, rng) - 0.5)
        reached = smoothstep(blur(burnt, 1.5 * size), 0.03, 0.25)
        edge = 0.7 * smoothstep(near_fire, 0.05, 0.40) * reached * burnable * inside(area, 0.02 * side)
        image = mix(scene.rgb, scorched(scene, rng), edge * scene.vegetation)
        black = charred(scene, wind, rng) + 0.7 * sensor_noise(scene, rng)[..., None]
        image = mix(image, black, 0.96 * burnt)
        mask = np.maximum(burnt, edge * scene.vegetation)
        return finish(scene, image, mask, area)


BURN_SCAR = BurnScar()
