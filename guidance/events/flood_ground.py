"""What a flood finds: the river's bed, how high the ground lies, and what stands out of shallow water."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .buildings import find_buildings
from .likeness import texture
from .noise import blur, fractal_noise, smoothstep
from .regions import connected_parts, stretch
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_LONG = 3.0
"""Length over width beyond which what looks like a roof is a street."""
_LIKELY = 0.4
"""Likelihood of a building that stands out of the water."""


def standing(scene: Scene, river: FloatArray) -> FloatArray:
    """0…1: buildings, that stand out of the water, and where there is no river not the streets among them."""
    if (river > 0.5).any():
        return scene.roofs
    dry = np.zeros(scene.shape, bool)
    for building in find_buildings(scene):
        dry |= building.mask & (building.likelihood > _LIKELY)
    for roof, box in connected_parts(ndimage.label(scene.roofs > 0.3)[0], 1.0 / dry.size, 1.01):
        dry[box] |= roof & (stretch(roof) < _LONG**2)
    return blur(dry.astype(np.float32), 0.5)


def ground_height(scene: Scene, river: FloatArray) -> FloatArray:
    """How high the ground lies, ≥ 0 in short sides: rising with the way from the water, and on obstacles. [H, W]."""
    if not (river > 0.5).any():
        # After heavy rain streets and yards flood alike, from wherever it is lowest.
        rough = np.clip(blur(scene.roughness, 3.0) - 0.12, 0.0, 0.6)
        return np.asarray(0.25 * scene.ground_height + 0.1 * scene.trees + 0.1 * rough, np.float32)
    if river is scene.water:
        return scene.ground_height
    distance = ndimage.distance_transform_edt(river < 0.5).astype(np.float32) / scene.short_side
    obstacles = 0.10 * scene.trees + 0.12 * np.maximum(scene.roofs, scene.built)
    obstacles += 0.2 * np.clip(blur(scene.roughness, 3.0) - 0.12, 0.0, 0.6)
    return np.asarray(distance + obstacles * smoothstep(distance, 0.01, 0.07), np.float32)


def thrown_shadows(scene: Scene, river: FloatArray) -> FloatArray:
    """0…1: shadows that trees and houses throw on open ground or water: dark, even, not green, or like the river so."""
    size = max(1.0, 0.004 * scene.short_side)
    local = np.maximum(blur(scene.luminance, 0.08 * scene.short_side), 0.75 * float(scene.luminance.mean()))
    dark = smoothstep(blur(scene.luminance, size) / np.maximum(local, 0.03), 0.62, 0.45)
    green = blur(scene.greenness, size)
    plain = smoothstep(green, 0.09, 0.03)
    bed = river > 0.6
    if bed.any():
        own = float(np.median(scene.greenness[bed])) + 0.03
        near = smoothstep(blur(river, 0.06 * scene.short_side), 0.08, 0.2)
        plain = np.maximum(plain, near * smoothstep(green, own + 0.05, own))
    return np.asarray(dark * plain * smoothstep(scene.roughness, 0.34, 0.22) * (1.0 - river), np.float32)


def emerging_lines(scene: Scene, river: FloatArray, rng: np.random.Generator) -> FloatArray:
    """0…1: roads, hedges, field borders and crop rows, in pieces: the strongest long ridges of the open land."""
    side = scene.short_side
    size = max(1.0, 0.007 * side)
    yy, xx, xy = (ndimage.gaussian_filter(scene.luminance, size, order=o) for o in ((2, 0), (0, 2), (1, 1)))
    spread, middle = np.sqrt(0.25 * (yy - xx) ** 2 + xy**2), 0.5 * (yy + xx)
    # A ridge bends across itself and not along: blobs bend both ways.
    ridge = np.maximum(np.abs(middle) + spread - 2.0 * np.abs(np.abs(middle) - spread), 0.0)
    ridge *= (1.0 - scene.trees) * smoothstep(blur(river, 0.02 * side), 0.3, 0.05)
    strong = (ridge > np.quantile(ridge, 0.93)) & (ridge > 1e-5)
    parts, count = ndimage.label(strong, np.ones((3, 3)))
    long = np.zeros(count + 1, bool)
    for index, box in enumerate(ndimage.find_objects(parts), start=1):
        long[index] = max(box[0].stop - box[0].start, box[1].stop - box[1].start) > 0.12 * side
    pieces = smoothstep(fractal_noise(scene.shape, 0.14 * side, rng, octaves=3), 0.40, 0.56)
    return np.asarray(blur(long[parts].astype(np.float32), 0.5 * size) * pieces, np.float32)


def relief(scene: Scene, river: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Small rises and hollows [H, W] beside the height: broken levees, moist dark hollows of the fields."""
    side = scene.short_side
    wide = fractal_noise(scene.shape, 0.45 * side, rng, octaves=4) - 0.5
    detail = fractal_noise(scene.shape, max(3.0, 0.07 * side), rng, octaves=5) - 0.5
    tone = blur(scene.luminance, max(1.0, 0.006 * side)) / np.maximum(blur(scene.luminance, 0.06 * side), 0.05)
    rows = texture(scene, 0.016 * side)
    field = (1.0 - scene.trees) * (1.0 - river)
    moist = 0.16 * np.clip(tone - 1.0, -0.3, 0.3) + 0.10 * np.clip(blur(rows, 0.6) - 1.0, -0.3, 0.3)
    result = 0.20 * wide + 0.13 * detail + moist * field
    if (river > 0.5).any():
        away = ndimage.distance_transform_edt(river < 0.5).astype(np.float32) / side
        levee = smoothstep(away, 0.006, 0.016) * smoothstep(away, 0.05, 0.028)
        result += 0.16 * levee * smoothstep(fractal_noise(scene.shape, 0.16 * side, rng, octaves=4), 0.5, 0.66)
    return np.asarray(result, np.float32)
