"""Aircraft and road vehicles: what stands out of paved ground in a thing's size, for texts that speak of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import blur
from .regions import CROSS, BoolArray, connected_parts, opponent, share_at_border
from .scene import Scene

FloatArray = NDArray[np.float32]

AIRCRAFT, CARS = (0.004, 0.08), (0.0005, 0.006)
"""Shares of the picture that one takes."""
_CUT = 0.15
"""Share of its outline that the picture's border may cut."""
_BRIGHTER = 0.1
"""How much lighter than the ground aircraft are: they are painted so."""
_UNLIKE = 2.0
"""Times the ground's own variation that a car's colour differs from it."""
_BREADTH = (0.016, 0.007)
"""How far inside an aircraft and a car lies what is deepest in it, in short sides: no line painted on the ground."""
_LONGEST = 3.5
"""Length of a car by its breadth."""
_LEAST = (0.06, 0.04, 0.04)
"""Variation of luminance, warm − cool and green − magenta that any ground has."""


@dataclass(frozen=True)
class Vehicle:
    """mask: bool [H, W]; clearness: how well it stands out of the ground, more than 0."""

    mask: BoolArray
    clearness: float


def find_aircraft(scene: Scene) -> list[Vehicle]:
    """What is lighter than the ground around and of an aircraft's size."""
    ground = _around(scene, scene.luminance)
    lighter = blur(scene.luminance - ground, 0.7) > _BRIGHTER
    # Wings and hull are one thing, also where a stripe or a shadow lies between.
    joined = ndimage.binary_closing(np.pad(lighter, 2, mode="edge"), iterations=2)[2:-2, 2:-2]
    return _standing_out(scene, ndimage.binary_opening(joined), AIRCRAFT, _BREADTH[0], np.inf)


def find_cars(scene: Scene) -> list[Vehicle]:
    """What is unlike the paved ground around, lighter, darker or of another colour, and of a car's size."""
    paving = scene.likely_paving
    if paving is None:
        return []
    colour = opponent(ndimage.gaussian_filter(scene.rgb, (0.7, 0.7, 0), mode="nearest"))
    ground = colour[paving > 0.5]
    middle = np.median(ground, axis=0)
    spread = np.maximum(3.0 * np.median(np.abs(ground - middle), axis=0), _LEAST)
    unlike = np.linalg.norm((colour - middle) / spread, axis=-1) > _UNLIKE
    reach = max(2, round(0.02 * scene.short_side))
    paved = ndimage.binary_closing(np.pad(paving > 0.5, reach, mode="edge"), iterations=reach)
    unlike &= paved[reach:-reach, reach:-reach]
    return _standing_out(scene, ndimage.binary_opening(unlike), CARS, _BREADTH[1], _LONGEST)


def _around(scene: Scene, values: FloatArray) -> FloatArray:
    """The usual value near each place, in a window wider than an aircraft. [H, W]."""
    step = max(1, scene.short_side // 64)
    coarse = ndimage.median_filter(values[::step, ::step], size=33, mode="nearest")
    return np.asarray(np.repeat(np.repeat(coarse, step, 0), step, 1)[: scene.height, : scene.width], np.float32)


def _standing_out(
    scene: Scene, mask: BoolArray, shares: tuple[float, float], breadth: float, longest: float
) -> list[Vehicle]:
    steep = np.hypot(*np.gradient(blur(scene.luminance, 0.7)))
    parts, _ = ndimage.label(mask)
    found = []
    for part, box in connected_parts(parts, *shares):
        y, x = np.nonzero(part & ~ndimage.binary_erosion(part, CROSS))
        depth = float(ndimage.distance_transform_edt(np.pad(part, 1)).max()) / scene.short_side
        if depth < breadth or np.count_nonzero(part) > longest * (2.0 * depth * scene.short_side) ** 2:
            continue
        if share_at_border(y + box[0].start, x + box[1].start, scene.shape) < _CUT:
            whole = np.zeros(scene.shape, bool)
            whole[box] = part
            edge = float(np.mean(steep[box][y, x]))
            found.append(Vehicle(whole, edge * float(np.count_nonzero(part)) ** 0.5))
    return sorted(found, key=lambda vehicle: -vehicle.clearness)
