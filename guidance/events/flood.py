"""Flood: the water rises over low, open ground; crowns, roofs and embankments stand out of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .noise import blur, finish, fractal_noise, inside, mix, sensor_noise, smoothstep, texture
from .scene import Scene

FloatArray = NDArray[np.float32]

SILT = np.array([0.47, 0.42, 0.31], np.float32)


def _flow_streaks(scene: Scene, rng: np.random.Generator) -> FloatArray:
    """Bands of sediment drawn out along the banks: noise over the distance from the shore. 0…1."""
    side = scene.short_side
    river = scene.water > 0.5
    if river.any() and not river.all():
        across = ndimage.distance_transform_edt(~river) - ndimage.distance_transform_edt(river)
    else:
        across = scene.ground_height * side
    across = blur(across.astype(np.float32), 0.03 * side) + 0.12 * side * (
        fractal_noise(scene.shape, 0.4 * side, rng, octaves=3) - 0.5
    )
    along = 200.0 * fractal_noise(scene.shape, 0.8 * side, rng, octaves=1)
    table = fractal_noise((256, 256), (16.0, 40.0), rng, octaves=4)
    rows = 128.0 + across * (300.0 / side)
    return np.asarray(ndimage.map_coordinates(table, [rows, along], order=1, mode="mirror"), np.float32)


def _water_level(scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Pseudo-height of the ground [H, W] and the level the water rises to."""
    side = scene.short_side
    relief = fractal_noise(scene.shape, 0.45 * side, rng, octaves=4) - 0.5
    detail = fractal_noise(scene.shape, max(3.0, 0.05 * side), rng, octaves=4) - 0.5
    # Bright open ground (sand bars, banks, roads on dams) stands a little higher than dark moist ground.
    brightness = scene.luminance / max(float(scene.luminance.mean()), 0.05)
    height = scene.ground_height + 0.20 * relief + 0.08 * detail + 0.025 * np.clip(brightness - 1.0, -0.6, 0.3)
    height += 0.12 * np.clip(blur(brightness, 1.0) - 1.3, 0.0, 1.0)
    height += 0.5 * np.clip(scene.roofs - 0.25, 0.0, 1.0)
    land = (area > 0.0) & (scene.water < 0.5)
    if not land.any():
        return height.astype(np.float32), float(height.max())
    share = 0.04 + 0.85 * severity**0.8
    return height.astype(np.float32), float(np.quantile(height[land], min(share, 0.85)))


def _shadows_on_water(scene: Scene, islands: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of the labelled parts above the water are only shadows that trees throw on it: dark, even and not green."""
    river = scene.water > 0.6
    count = int(islands.max()) + 1
    if not river.any():
        return np.zeros(count, bool)
    sizes = np.maximum(np.bincount(islands.ravel(), minlength=count), 1)
    light, rough, green = (
        np.bincount(islands.ravel(), values.ravel(), minlength=count) / sizes
        for values in (scene.luminance, scene.roughness, scene.greenness)
    )
    dark = light < 0.85 * float(np.median(scene.luminance[river]))
    return np.asarray(dark & (rough < 0.3) & (green < 0.05) & (sizes < 0.08 * islands.size))


def _water_colour(scene: Scene, severity: float, rng: np.random.Generator) -> FloatArray:
    """[3]: the river's own colour with silt, or the darker ground's where there is no river."""
    river = scene.water > 0.6
    base = np.median(scene.rgb[river], axis=0) if river.any() else np.quantile(scene.rgb.reshape(-1, 3), 0.35, axis=0)
    own = float(base @ np.array([0.299, 0.587, 0.114], np.float32))
    mean = float(scene.luminance.mean())
    silt = SILT * scene.light / scene.light.max() * (0.30 * own + 0.75 * mean) / 0.42
    load = (0.45 if river.any() else 0.62) + 0.25 * severity + float(rng.uniform(-0.08, 0.08))
    return np.asarray(np.clip(mix(base, silt, np.float32(np.clip(load, 0.0, 1.0))), 0.03, 0.8), np.float32)


@dataclass(frozen=True)
class Flood:
    name: str = "flood"
    phrases: tuple[str, ...] = (
        "the river is flooding",
        "flood",
        "flooded area",
        "flood water covers the fields",
        "the river burst its banks",
        "high water after heavy rain",
        "streets and houses under water",
        "inundated land",
        "muddy water spreads over the plain",
        "the water level has risen",
        "a flooded village",
        "an overflowing river",
    )
    typical_share: float = 0.35
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        return np.asarray(np.maximum(scene.low**2, 0.4 * scene.water), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        side = scene.short_side
        height, level = _water_level(scene, area, severity, rng)
        depth = level - height
        under = (depth > 0.0) | (scene.water > 0.5)
        # Water is connected: ponds cut off from the rest stay only where they are large.
        parts, count = ndimage.label(under)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        kept = sizes > 0.004 * under.size
        kept[0] = False
        under = kept[parts]
        islands, _ = ndimage.label(~under)
        specks = np.bincount(islands.ravel()) < max(6.0, 0.00008 * under.size)
        under |= (specks | _shadows_on_water(scene, islands))[islands] & ~under
        wet = blur(under.astype(np.float32), 0.6)
        depth = np.where(under, np.maximum(depth, 0.004), 0.0).astype(np.float32)
        river = scene.water
        # A standing tree stays visible; its crown darkens the water beside it.
        crowns = scene.trees * smoothstep(texture(scene, scene.grain), 0.72, 1.02) * (1.0 - river)
        stands = crowns * smoothstep(depth, 0.30, 0.06)

        deep = smoothstep(np.maximum(depth, 0.2 * river), 0.0, 0.05)
        colour = _water_colour(scene, severity, rng)
        flow = fractal_noise(scene.shape, 0.28 * side, rng, octaves=3)
        streaks = _flow_streaks(scene, rng)
        tone = 1.0 + 0.16 * (flow - 0.5) + 0.07 * (streaks - 0.5)
        water = colour * tone[..., None]
        water += (streaks - 0.5)[..., None] * np.array([0.035, 0.024, 0.007], np.float32)
        ripples = fractal_noise(scene.shape, (1.8, 4.0), rng, octaves=2) - 0.5
        water += (0.02 * ripples + sensor_noise(scene, rng))[..., None]
        # Shallow water shows the ground, dimmed, and the damp edge is a little darker.
        ground = scene.rgb * (0.62 * colour / max(float(colour.mean()), 0.05) + 0.08)
        ground = blur(ground.astype(np.float32), 0.6)
        body = mix(ground, water, 0.45 + 0.52 * deep)
        # The old river keeps its own ripples and glints, away from its banks.
        glint = scene.luminance - blur(scene.luminance, 0.012 * side)
        body += (0.7 * glint * smoothstep(blur(river, 0.02 * side), 0.85, 1.0))[..., None]

        cover = wet * (1.0 - 0.92 * stands) * inside(area, max(1.5, 0.015 * side))
        shore = blur(under.astype(np.float32), max(1.0, 0.006 * side)) * (1.0 - wet) * inside(area, 2.0)
        image = mix(scene.rgb, scene.rgb * 0.72, np.clip(1.6 * shore, 0.0, 1.0))
        image = mix(image, body, cover)
        return finish(scene, image, np.maximum(cover, 0.5 * shore), area)


FLOOD = Flood()
