"""Spectral indices of an edit: what an analyst would look at first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rasters.layout import Array
from .bands import Bands

INDICES: dict[str, tuple[str, str]] = {
    "ndvi": ("nir", "red"),
    "ndwi": ("green", "nir"),
    "nbr": ("nir", "swir"),
}
"""(a, b) of (a − b) / (a + b): vegetation (Rouse et al. 1974), open water (McFeeters, doi:10.1080/01431169608948714),
burn ratio (Key and Benson 2006; the last of the short-wave bands)."""


def index_changes(
    before: Array, after: Array, changed: NDArray[np.bool_], bands: Bands
) -> dict[str, tuple[float, float]]:
    """Mean of each index that the bands allow where ``changed`` [h, w], before and after: name → (before, after).

    before, after: measured values [h, w, C] in the order of ``bands``; −1…1 where they are reflectances.
    """
    if not changed.any():
        return {}
    result = {}
    for name, (first, second) in INDICES.items():
        if first in bands.roles and second in bands.roles:
            a = bands.roles.index(first)
            b = len(bands.roles) - 1 - bands.roles[::-1].index(second)
            result[name] = (_mean(before[changed], a, b), _mean(after[changed], a, b))
    return result


def _mean(pixels: Array, a: int, b: int) -> float:
    first, second = pixels[:, a].astype(np.float64), pixels[:, b].astype(np.float64)
    total = first + second
    there = total != 0
    return float(np.mean((first - second)[there] / total[there])) if there.any() else 0.0
