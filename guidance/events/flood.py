"""Flood: turbid water over low, open ground; banks, field borders, crowns and roofs stand out, the old river shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .flood_ground import emerging_lines, ground_height, relief, standing, thrown_shadows
from .likeness import finish, sensor_noise, texture
from .noise import blur, fractal_noise, inside, mix, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

SILT = np.array([0.47, 0.42, 0.31], np.float32)
_LEAST_POND = 0.015
"""Share of the scene that water takes which the river does not reach: smaller ones look like stains."""
_LEAST_PUDDLE = 0.00025
"""The same where there is no river."""


def _flow_streaks(scene: Scene, bed: FloatArray, height: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Bands of sediment drawn out along the banks: noise over the distance from the shore. 0…1."""
    side = scene.short_side
    river = bed > 0.5
    if river.any() and not river.all():
        across = ndimage.distance_transform_edt(~river) - ndimage.distance_transform_edt(river)
    else:
        across = height * side
    across = blur(across.astype(np.float32), 0.03 * side) + 0.12 * side * (
        fractal_noise(scene.shape, 0.4 * side, rng, octaves=3) - 0.5
    )
    along = 200.0 * fractal_noise(scene.shape, 0.8 * side, rng, octaves=1)
    table = fractal_noise((256, 256), (16.0, 40.0), rng, octaves=4)
    rows = 128.0 + across * (300.0 / side)
    return np.asarray(ndimage.map_coordinates(table, [rows, along], order=1, mode="mirror"), np.float32)


def _depth(
    scene: Scene,
    river: FloatArray,
    base: FloatArray,
    dry: FloatArray,
    area: FloatArray,
    severity: float,
    rng: np.random.Generator,
) -> FloatArray:
    """How deep the water stands, negative on dry ground, in short sides like the ground's height. [H, W].

    base: height of the ground. dry: 0…1, what stands out of any water.
    """
    # Bright open ground (sand bars, banks, roads on dams) stands a little higher than dark moist ground.
    brightness = scene.luminance / max(float(scene.luminance.mean()), 0.05)
    height = base + relief(scene, river, rng)
    height += 0.12 * np.clip(blur(brightness, 1.0) - 1.3, 0.0, 1.0) * (1.0 - river)
    height += 0.5 * np.clip(dry - 0.25, 0.0, 1.0)
    # Under a closed canopy no water is seen.
    height += 0.10 * smoothstep(blur(scene.trees, 0.012 * scene.short_side), 0.6, 0.95) * (1.0 - river)
    height += 0.10 * emerging_lines(scene, river, rng)
    land = (area > 0.0) & (river < 0.5)
    share = min(0.04 + 0.85 * severity**0.8, 0.85)
    level = float(np.quantile(height[land], share)) if land.any() else float(height.max())
    return (level - height).astype(np.float32)


def _under_water(depth: FloatArray, river: FloatArray, shadows: FloatArray) -> BoolArray:
    """Where the water is: what the river reaches, and other low land of some size, with the shadows within. [H, W]."""
    bed = river > 0.5
    under = (depth > 0.0) | bed
    parts, count = ndimage.label(ndimage.binary_dilation(under, iterations=max(1, round(0.008 * min(under.shape)))))
    sizes = np.bincount(parts[under], minlength=count + 1)
    kept = sizes > max(8.0, (_LEAST_POND if bed.any() else _LEAST_PUDDLE) * under.size)
    kept[np.unique(parts[bed])] = True
    under &= kept[parts]
    # What is dry only because it looks like dark crowns floods with the ground around it.
    near = blur(under.astype(np.float32), 0.02 * min(under.shape)) > 0.2
    under |= (shadows > 0.5) & near
    islands, _ = ndimage.label(~under)
    specks = np.bincount(islands.ravel()) < max(6.0, 0.00008 * under.size)
    return np.asarray(under | (specks[islands] & ~under))


def _colours(
    scene: Scene, river: FloatArray, severity: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Colours [3] of the water on the land, with silt, and of the deeper old river."""
    bed = river > 0.6
    base = np.median(scene.rgb[bed], axis=0) if bed.any() else np.quantile(scene.rgb.reshape(-1, 3), 0.35, axis=0)
    own = float(base @ np.array([0.299, 0.587, 0.114], np.float32))
    mean = float(scene.luminance.mean())
    # A red roof among the brightest pixels is no red light.
    light = 0.7 + 0.3 * scene.light / float(scene.light.mean())
    silt = SILT * light * (0.30 * own + 0.75 * mean) / 0.42
    load = (0.55 if bed.any() else 0.66) + 0.25 * severity + float(rng.uniform(-0.08, 0.08))
    land = np.clip(mix(base, silt, np.float32(np.clip(load, 0.0, 1.0))), 0.03, 0.8)
    # Deep water is darker than the sheet over the fields, also where the river was pale before.
    deep = mix(base, silt, np.float32(0.5)) * min(1.0, 0.86 * float(land.mean()) / max(float(base.mean()), 0.02))
    return land.astype(np.float32), np.clip(deep, 0.02, 0.8).astype(np.float32)


def _drift_lines(under: BoolArray, rng: np.random.Generator) -> FloatArray:
    """0…1: thin broken lines of foam and straw that lie along the shore where the current let go of them. [H, W]."""
    side = min(under.shape)
    away = ndimage.distance_transform_edt(under).astype(np.float32)
    offset = side * (0.008 + 0.05 * fractal_noise(under.shape, 0.25 * side, rng, octaves=2))
    line = np.clip(1.4 - np.abs(away - offset), 0.0, 1.0)
    broken = smoothstep(fractal_noise(under.shape, 0.08 * side, rng, octaves=4), 0.58, 0.74)
    return np.asarray(line * broken * under, np.float32)


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
        river = scene.named_water
        height = ground_height(scene, river)
        low = np.clip(1.0 - height / max(float(np.quantile(height, 0.95)), 1e-3), 0.0, 1.0)
        return np.asarray(np.maximum(low**2, 0.4 * river), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        side = scene.short_side
        river = scene.named_water
        base, shadows = ground_height(scene, river), thrown_shadows(scene, river)
        depth = _depth(scene, river, base, standing(scene, river) * (1.0 - shadows), area, severity, rng)
        under = _under_water(depth, river, shadows)
        wet = blur(under.astype(np.float32), 0.6)
        depth = np.where(under, np.maximum(depth, 0.004), 0.0).astype(np.float32)
        # A standing tree stays visible; its crown darkens the water beside it.
        rough = blur(scene.roughness, 0.02 * side)
        woods = np.maximum(scene.trees, smoothstep(rough, 0.11, 0.19) * smoothstep(rough, 0.42, 0.28)) * (1.0 - shadows)
        crowns = woods * smoothstep(texture(scene, scene.grain), 0.62, 0.98) * (1.0 - river)
        stands = crowns * smoothstep(depth, 0.36, 0.08)

        ragged = 0.7 * (fractal_noise(scene.shape, 0.12 * side, rng, octaves=4) - 0.5)
        bed = smoothstep(blur(river, 0.022 * side) + ragged * smoothstep(river, 0.0, 1.0), 0.35, 0.95) * river
        land, deep = _colours(scene, river, severity, rng)
        flow = fractal_noise(scene.shape, 0.28 * side, rng, octaves=3)
        streaks = _flow_streaks(scene, river, base, rng)
        tone = 1.0 + 0.16 * (flow - 0.5) + 0.07 * (streaks - 0.5)
        water = mix(land, deep, (0.85 * bed * (0.75 + 0.5 * streaks)).clip(0.0, 1.0)) * tone[..., None]
        water += (streaks - 0.5)[..., None] * np.array([0.035, 0.024, 0.007], np.float32)
        ripples = fractal_noise(scene.shape, (1.8, 4.0), rng, octaves=2) - 0.5
        water += (0.02 * ripples + 0.6 * sensor_noise(scene, rng))[..., None]
        # Turbid water still shows what lies shallow in it: first its colours, then only its light and dark.
        shallow = smoothstep(depth, 0.14, 0.0) * (1.0 - bed)
        pattern = blur(texture(scene, 0.08 * side), max(0.6, 0.003 * side))
        water *= (1.0 + (0.14 + 0.46 * shallow) * (1.0 - bed) * np.clip(pattern - 1.0, -0.45, 0.45))[..., None]
        ground = blur(scene.rgb * (0.62 * land / max(float(land.mean()), 0.05) + 0.08), 0.6)
        body = mix(water, ground, 0.45 * smoothstep(depth, 0.05, 0.0) * (1.0 - bed))
        # Shadows fall on the water as on the ground, less dark: it shines from within.
        body *= (1.0 - 0.22 * blur(shadows, max(1.0, 0.004 * side)))[..., None]
        # The old river keeps its own ripples and glints, away from its banks.
        glint = scene.luminance - blur(scene.luminance, 0.012 * side)
        body += (0.7 * glint * smoothstep(blur(river, 0.02 * side), 0.85, 1.0))[..., None]
        drift = _drift_lines(under, rng)
        body = mix(body, np.minimum(body * 1.1 + 0.06 * scene.light * SILT / SILT.max(), 1.0), 0.5 * drift)

        cover = wet * (1.0 - 0.92 * stands) * inside(area, max(1.5, 0.015 * side))
        # The margin is soaked, in patches, wider than the eye sees the water.
        soaked = blur(under.astype(np.float32), max(1.0, 0.012 * side))
        soaked *= 0.25 + 1.2 * fractal_noise(scene.shape, max(3.0, 0.06 * side), rng, octaves=4)
        shore = np.clip(1.7 * soaked, 0.0, 1.0) * (1.0 - wet) * (1.0 - 0.6 * crowns) * inside(area, 2.0)
        image = mix(scene.rgb, scene.rgb * (0.66 + 0.08 * SILT / SILT.max()), shore)
        image = mix(image, body, cover)
        return finish(scene, image, np.maximum(cover, 0.5 * shore), area)


FLOOD = Flood()
