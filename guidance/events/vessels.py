"""Ships: what lies in water all around, for texts that speak of a ship and so say that there is water."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import smoothstep
from .regions import CROSS, BoolArray, connected_parts, largest_part, opponent, share_at_border
from .scene import Scene

FloatArray = NDArray[np.float32]

_LEAST, _LARGEST = 0.002, 0.25
"""Shares of the picture that a ship takes."""
_CUT = 0.12
"""Share of its outline that the picture's border may cut."""
_STANDS_OUT = 0.45
"""How much a hull differs from the sea, relative to what differs most in what floats: wakes and spray do less."""
_LEAST_HULL = 0.3
"""Share of what floats that is hull; a ship of which only its bridge stands out is taken as it was found."""
_BEAM = 0.16
"""How far a ship at a quay reaches from the water, in short sides."""
_WATER, _OPEN_SEA = 0.15, 0.6
"""Shares of the picture: of water that counts as found, and of one even colour that is the sea."""


def afloat(scene: Scene) -> FloatArray:
    """Ships in open water, 0 or 1 [H, W]: what lies in water all around and is of a ship's size."""
    sea = _sea(scene)
    found = np.zeros(scene.shape, np.float32)
    if sea.mean() < _WATER:
        return found
    parts, _ = ndimage.label(~sea | ndimage.binary_closing(~sea, iterations=2))
    colour = opponent(ndimage.gaussian_filter(scene.rgb, (1.0, 1.0, 0.0), mode="nearest"))
    contrast = np.linalg.norm(colour - np.median(colour[sea], axis=0), axis=-1).astype(np.float32)
    for part, box in connected_parts(parts, _LEAST, _LARGEST):
        y, x = np.nonzero(part & ~ndimage.binary_erosion(part, CROSS))
        if share_at_border(y + box[0].start, x + box[1].start, scene.shape) < _CUT:
            found[box][_hull(contrast[box], part)] = 1.0
    return found


def _hull(contrast: FloatArray, part: BoolArray) -> BoolArray:
    """What floats [h, w] without its wake. contrast: [h, w], how much each pixel differs from the sea."""
    clear = part & (contrast > _STANDS_OUT * float(np.quantile(contrast[part], 0.95)))
    closed = ndimage.binary_closing(np.pad(clear, 2), iterations=2)[2:-2, 2:-2] & part
    hull = ndimage.binary_fill_holes(largest_part(ndimage.binary_opening(closed)))
    return hull if np.count_nonzero(hull) > _LEAST_HULL * np.count_nonzero(part) else part


def moored(scene: Scene) -> FloatArray:
    """Where ships lie at a quay, about: what is neither plants nor far from the widest water. 0…1 [H, W]."""
    sea = _sea(scene)
    if sea.mean() < _WATER:
        return np.zeros(scene.shape, np.float32)
    way = ndimage.distance_transform_edt(~largest_part(ndimage.binary_opening(sea, iterations=3))) / scene.short_side
    near = smoothstep(way.astype(np.float32), _BEAM, 0.5 * _BEAM)
    return np.asarray(near * ~sea * (1.0 - scene.vegetation), np.float32)


def _sea(scene: Scene) -> BoolArray:
    """The scene's water; else its one colour, for a sea without shores looks like no water but by what floats in it."""
    water = scene.water > 0.5
    if water.mean() > _WATER:
        return np.asarray(water)
    smooth = opponent(ndimage.gaussian_filter(scene.rgb, (1.5, 1.5, 0), mode="nearest"))
    usual = np.median(smooth.reshape(-1, 3), axis=0)
    difference = np.linalg.norm(smooth - usual, axis=-1)
    even = difference < max(4.0 * float(np.median(difference)), 0.03)
    return np.asarray(even if even.mean() > _OPEN_SEA else np.zeros_like(even))
