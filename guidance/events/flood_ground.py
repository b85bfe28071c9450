"""What a flood finds: the river's bed, how high the ground lies, and what stands out of shallow water."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import blur, enlarge, fractal_noise, shrink, smoothstep, texture
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_LEAST_WATER = 0.02
"""Share of the scene below which its recognised water is no river."""
_LIKE_A_RIVER = 0.6
"""Least score of a calm stretch of ground to be a river: of 25 unrecognised ones all right above 0.6, wrong below."""
_COARSE_SIDE = 192


def find_river(scene: Scene) -> FloatArray:
    """The water, 0…1; where none is recognised (green, brown or shaded), the calm band that is most like a river.

    Only a flood may guess so: its text says that there is one.
    """
    if float(scene.water.mean()) >= _LEAST_WATER:
        return scene.water
    factor = max(1, round(scene.short_side / _COARSE_SIDE))
    luminance, green = shrink(scene.luminance, factor), shrink(scene.greenness, factor)
    mean = max(float(luminance.mean()), 0.05)
    local = blur(luminance, 2.0)
    variance = np.maximum(blur(luminance * luminance, 2.0) - local * local, 0.0)
    rough = (np.sqrt(variance) / np.maximum(local, 0.3 * mean)).astype(np.float32)
    # Measured on the banks: on a wide river the median is the water's.
    limit = max(0.55 * float(np.median(rough)), 0.25 * float(np.quantile(rough, 0.85)))
    calm = (rough < limit) & (local < 1.1 * mean)
    calm = ndimage.binary_opening(ndimage.binary_closing(calm, iterations=2), iterations=3)
    parts, count = ndimage.label(calm)
    masks = [parts == k for k in range(1, count + 1)]
    scores = [_likeness(mask, luminance / mean, green, rough) for mask in masks]
    if not scores or max(scores) < _LIKE_A_RIVER:
        return scene.water
    bed = masks[int(np.argmax(scores))]
    # The calm core ends before the banks; the bed goes on as far as its tones do, into the shadows on it.
    brightest = float(np.quantile(local[bed], 0.97)) + 0.03 * mean
    alike = (local < brightest) & (rough < 1.2 * float(np.median(rough)))
    bed = ndimage.binary_dilation(bed, mask=alike | bed, iterations=9)
    bed = ndimage.binary_closing(np.pad(bed, 4, mode="edge"), iterations=4)[4:-4, 4:-4]
    found = bed.astype(np.float32)
    return np.asarray(smoothstep(blur(found if factor == 1 else enlarge(found, factor, scene.shape), 1.0), 0.2, 0.8))


def _likeness(mask: BoolArray, luminance: FloatArray, green: FloatArray, rough: FloatArray) -> float:
    """How much a calm part is like a river: long, across the picture, darker, calmer and no greener than its banks."""
    share = float(mask.mean())
    if not 0.03 < share < 0.85:
        return 0.0
    sides = sum(bool(edge.any()) for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    banks = ndimage.binary_dilation(mask, iterations=6) & ~mask
    if not banks.any():
        return 0.0
    darker = float(np.median(luminance[banks]) - np.median(luminance[mask]))
    greener = float(np.median(green[mask]) - np.median(green[banks]))
    calmer = float(np.median(rough[banks])) / max(float(np.median(rough[mask])), 1e-3)
    spread = np.linalg.eigvalsh(np.cov(np.argwhere(mask).T))
    long = float(np.sqrt(spread[1] / max(float(spread[0]), 1.0)))
    likely = np.sqrt(share) * min(calmer, 6.0) * (1.0 + 2.0 * np.clip(darker, -0.3, 0.3)) * min(long, 3.0)
    return float(likely * (1.0 if sides > 1 else 0.4) * np.clip(1.0 - 8.0 * greener, 0.1, 1.2))


def ground_height(scene: Scene, river: FloatArray) -> FloatArray:
    """``scene.ground_height``, or the like around a river that the scene did not recognise. Float32 [H, W]."""
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
