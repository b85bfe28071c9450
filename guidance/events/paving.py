"""The paved ground in a scene: runways, roads and parking lots, for texts that speak of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import felzenszwalb

from .noise import smoothstep
from .regions import CROSS, BoolArray, Edges, connected_parts, local_deviation, opponent

FloatArray = NDArray[np.float32]

_SMALLEST, _LARGEST = 0.02, 1.01
"""Shares of the picture that paved ground takes."""
_SCALES = (100, 250, 600)
"""How unlike the parts of a segmentation are (felzenszwalb), from fine to coarse."""
_LEAST = 0.03
"""Rating below which nothing looks paved; a text that names asphalt may mean even what looks little like it."""
_MARKINGS = 3
"""Half of the widest line painted on the ground, in pixels of the coarse picture."""


def likeliest_paving(rgb: FloatArray) -> BoolArray | None:
    """The part of a picture that looks most like paved ground, bool [h, w]; None where nothing does.

    It is even for its light, grey rather than green, large, and what borders on it runs straight.
    rgb: float32 [h, w, 3] in 0…1, the short side about 192 pixels.
    """
    colour = opponent(ndimage.gaussian_filter(rgb, (1.5, 1.5, 0), mode="nearest"))
    edges = Edges(colour, 1.0)
    luminance = opponent(rgb)[..., 0]
    rough = local_deviation(luminance, 1.5) / np.maximum(ndimage.gaussian_filter(luminance, 2.0), 0.1)
    best, paving = _LEAST, None
    for part in _parts(rgb):
        inner = ndimage.binary_erosion(part, CROSS, iterations=2)
        if np.count_nonzero(inner) < 30:
            continue
        outline = ndimage.binary_dilation(part, CROSS) & ~ndimage.binary_erosion(part, CROSS, border_value=1)
        even = float(smoothstep(np.quantile(rough[inner], 0.5), 0.25, 0.05))
        _, warm, green = (float(each) for each in np.median(colour[inner], axis=0))
        grey = float(smoothstep(np.float32(abs(warm)), 0.34, 0.08) * smoothstep(np.float32(green), 0.14, 0.02))
        share = np.count_nonzero(part) / part.size
        straight = edges.straightness(outline) if outline.any() else 1.0
        rating = share**0.5 * even * grey * straight
        if rating > best:
            best, paving = rating, part
    return paving


def _parts(rgb: FloatArray) -> Iterator[BoolArray]:
    """Connected parts of segmentations, with the lines painted on them."""
    least = max(2, round(0.01 * rgb.shape[0] * rgb.shape[1]))
    for scale in _SCALES:
        labels = felzenszwalb(rgb, scale=scale, sigma=1.0, min_size=least) + 1
        for own, box in connected_parts(labels, _SMALLEST, _LARGEST):
            part = np.zeros(labels.shape, bool)
            part[box] = own
            closed = ndimage.binary_closing(np.pad(part, _MARKINGS, mode="edge"), iterations=_MARKINGS)
            yield np.asarray(closed[_MARKINGS:-_MARKINGS, _MARKINGS:-_MARKINGS])
