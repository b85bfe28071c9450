"""Oil spill: a slick on water, brown and thick in its heart, with silver and rainbow sheen in filaments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .likeness import finish
from .noise import along, blur, fractal_noise, inside, mix, pick_point, random_direction, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]

CRUDE = np.array([0.10, 0.075, 0.055], np.float32)
EMULSION = np.array([0.33, 0.21, 0.13], np.float32)
SHEEN = np.array([0.60, 0.62, 0.63], np.float32)


def _thickness(scene: Scene, water: FloatArray, severity: float, rng: np.random.Generator) -> FloatArray:
    """0…1 [H, W]: oil drawn out by wind and current into filaments around a heart."""
    side = scene.short_side
    centre = pick_point((blur(water, 0.05 * side) ** 4 * water).astype(np.float32), rng)
    # The slick drifts along the water where that is narrow.
    near = water * np.exp(
        -(along(scene.shape, (1.0, 0.0), centre)[0] ** 2 + along(scene.shape, (0.0, 1.0), centre)[0] ** 2)
        / (0.35 * side) ** 2
    )
    rows, columns = np.indices(scene.shape, dtype=np.float32)
    y, x = rows - centre[0], columns - centre[1]
    spread = np.array([[np.sum(near * y * y), np.sum(near * y * x)], [np.sum(near * y * x), np.sum(near * x * x)]])
    values, vectors = np.linalg.eigh(spread)
    narrow = values[0] < 0.55 * values[1]
    direction = (float(vectors[0, 1]), float(vectors[1, 1])) if narrow else random_direction(rng)
    u, v = along(scene.shape, direction, centre)
    sway = 0.14 * side * (fractal_noise(scene.shape, 0.5 * side, rng, octaves=3) - 0.5) / 0.19
    curl = 0.022 * side * (fractal_noise(scene.shape, 0.09 * side, rng, octaves=4) - 0.5) / 0.19
    v = v + 0.5 * sway + curl
    reach = (0.18 + 0.42 * severity) * side
    body = np.exp(-((u / (1.25 * reach)) ** 2) - (v / (0.42 * reach)) ** 2)
    # Filaments: noise over the across coordinate, stretched many times along the drift.
    table = fractal_noise((512, 256), (26.0, 40.0), rng, octaves=5)
    across, drawn = 256.0 + v * (420.0 / side), 128.0 + u * (60.0 / side)
    strands = ndimage.map_coordinates(table, [across, drawn], order=1, mode="mirror")
    break_up = fractal_noise(scene.shape, 0.12 * side, rng, octaves=5)
    oil = smoothstep(body + 1.25 * (strands - 0.5) + 0.35 * (break_up - 0.5), 0.30, 1.15)
    return np.asarray(oil * smoothstep(body, 0.02, 0.22), np.float32)


@dataclass(frozen=True)
class OilSpill:
    name: str = "oil_spill"
    phrases: tuple[str, ...] = (
        "oil spill",
        "an oil slick on the water",
        "oil leaks from the ship",
        "crude oil floats on the sea",
        "the water is polluted with oil",
        "black oil on the harbour water",
        "a tanker is losing oil",
        "an iridescent oil film",
        "oil pollution in the river",
        "petroleum slick",
        "brown oil streaks on the surface",
    )
    typical_share: float = 0.15
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        return scene.water

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        side = scene.short_side
        water = (scene.water * area).astype(np.float32)
        if not (water > 0.5).any():
            water = (area * (1.0 - scene.trees) * (1.0 - scene.roofs)).astype(np.float32)
        oil = _thickness(scene, water, severity, rng) * smoothstep(water, 0.3, 0.8) * inside(area, 0.02 * side)
        light = scene.light / float(scene.light.max())
        # By thickness: silvery sheen, rainbow, metallic dark, then emulsion the colour of rust.
        sheen = smoothstep(oil, 0.01, 0.12) * smoothstep(oil, 0.46, 0.22)
        phase = oil[..., None] * 26.0 + np.array([0.0, 2.1, 4.2], np.float32)
        rainbow = 0.5 + 0.5 * np.cos(phase + 4.0 * fractal_noise(scene.shape, 0.2 * side, rng)[..., None])
        silver = 0.62 * scene.rgb + 0.42 * SHEEN * light * (0.30 + 0.75 * float(np.sqrt(scene.luminance.mean())))
        silver = silver + 0.07 * (rainbow - 0.5)
        dark = smoothstep(oil, 0.22, 0.55)
        patchy = fractal_noise(scene.shape, 0.05 * side, rng, octaves=4) - 0.5
        thick = smoothstep(oil + 0.7 * patchy, 0.70, 1.05)
        # Oil damps the small waves: only what is left of the glints stays.
        base = blur(scene.rgb, max(1.0, 0.006 * side))
        film = mix(0.30 * base + 0.70 * CRUDE * light, EMULSION * light * 0.75, 0.6 * thick)
        film = film + (0.35 * (scene.luminance - blur(scene.luminance, 2.0)))[..., None]
        image = mix(scene.rgb, silver, 0.85 * sheen)
        image = mix(image, film, 0.90 * dark)
        return finish(scene, image, np.maximum(0.85 * sheen, 0.9 * dark), area)


OIL_SPILL = OilSpill()
