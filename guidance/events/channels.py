"""A river does not end within a picture: where what was found of one does, how it goes on to the border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

from .regions import CROSS, BoolArray, border_of, cluster_centres, stretch

FloatArray = NDArray[np.float32]

_TONES = 3
"""Lit, shaded and shallow water of one river."""
_UNLIKE = 0.07
"""Distance of a colour to the river's at which a step costs as much as its length."""
_DEAREST = 1.4
"""Mean cost of a step beyond which a way is no river's."""
_LONG = 1.8
"""Length over width of what goes on as a river does; a pond does not."""
_BROOK = 0.05
"""Share of the picture below which what was found may be a piece of a river, whatever its form."""
_TURN = np.cos(np.radians(110.0))
"""A river leaves the picture elsewhere than where it comes in: cosine of the least angle between, seen from within."""
_INSIDE = 1e-3


def carried_on(colour: FloatArray, water: BoolArray) -> BoolArray:
    """``water`` [h, w] with the ways on which it goes on to the picture's border, as wide as it is.

    colour: opponent colours [h, w, 3], blurred. A way is the cheapest path over what has the colours of the water
    (a minimum cost path, as Dijkstra's); there are at most two, and none from a pond or over what looks unlike it.
    """
    if not _is_channel(water):
        return water
    unlike = _unlikeness(colour, water)
    paths = MCP_Geometric(np.where(water, _INSIDE, 0.03 + np.minimum(unlike, 3.0) ** 2))
    costs, _ = paths.find_costs(np.argwhere(water))
    border = np.argwhere(border_of(water.shape))
    cost, wet = costs[tuple(border.T)], water[tuple(border.T)]
    outward = border - np.argwhere(water).mean(0)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    ends = outward[wet]
    way = np.zeros(water.shape, bool)
    for _ in range(2):
        free = (outward @ ends.T < _TURN).all(axis=1)
        if not free.any():
            break
        nearest = int(np.argmin(np.where(free, cost, np.inf)))
        path = np.array(paths.traceback(tuple(border[nearest])))
        outside = path[~water[tuple(path.T)]]
        if cost[nearest] > _DEAREST * len(outside):
            break
        way[tuple(outside.T)] = True
        ends = np.vstack([ends, outward[nearest]])
    return water | _widened(way, water, unlike) if way.any() else water


def _is_channel(water: BoolArray) -> bool:
    if np.count_nonzero(water) < 9:
        return False
    return bool(water.mean() < _BROOK) or stretch(water) > _LONG**2


def _unlikeness(colour: FloatArray, water: BoolArray) -> FloatArray:
    """How far each colour is from the nearest tone of the water, 1 at ``_UNLIKE``. [h, w]."""
    points = colour[water]
    tones = cluster_centres(points[:: max(1, len(points) // 3000)], min(_TONES, len(points)))
    distance = np.sqrt(((colour[..., None, :] - tones) ** 2).sum(-1)).min(-1)
    return np.asarray(distance / _UNLIKE, np.float32)


def _widened(way: BoolArray, water: BoolArray, unlike: FloatArray) -> BoolArray:
    """A way [h, w] as wide as the water it comes from, as far as it looks like it, and never a mere line."""
    within = ndimage.distance_transform_edt(np.pad(water, 1, mode="edge"))[1:-1, 1:-1]
    half = float(np.quantile(within[water], 0.8))
    near = ndimage.distance_transform_edt(~way) <= half
    alike = ndimage.binary_opening(near & (unlike < 1.5), CROSS)
    wide = alike | ndimage.binary_dilation(way, CROSS, iterations=max(1, round(0.35 * half)))
    parts, _ = ndimage.label(wide | water)
    kept = np.isin(parts, np.setdiff1d(np.unique(parts[way]), 0))
    closed = ndimage.binary_closing(np.pad(kept, 3, mode="edge"), CROSS, iterations=3)[3:-3, 3:-3]
    return np.asarray(closed & near | kept)
