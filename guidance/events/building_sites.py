"""A building as it stands in a scene: its whole roof, and the shadow it throws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import blur
from .regions import border_of, opponent
from .roofs import find_roof
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


def _disc(radius: float) -> BoolArray:
    reach = max(1, round(radius))
    rows, columns = np.indices((2 * reach + 1, 2 * reach + 1)) - reach
    return np.asarray(rows**2 + columns**2 <= (reach + 0.3) ** 2)


def grown(mask: BoolArray, radius: float) -> BoolArray:
    """A mask with all within ``radius`` pixels of it."""
    return np.asarray(ndimage.distance_transform_edt(~mask) <= radius) if mask.any() else mask


def likeness_to_house(part: BoolArray) -> float:
    """0…1: how compact and right-angled a part of the picture is, best of a few turns; a road or a yard is neither."""
    rows, columns = np.nonzero(part)
    y, x = rows - rows.mean(), columns - columns.mean()
    best = 0.0
    for angle in np.deg2rad(np.arange(0.0, 90.0, 7.5)):
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        sides = float(np.ptp(u)) + 1.0, float(np.ptp(v)) + 1.0
        fullness = len(rows) / (sides[0] * sides[1])
        best = max(best, fullness * min(1.0, 2.6 * min(sides) / max(sides)))
    return min(best, 1.0)


def _shadowed(scene: Scene, part: BoolArray, box: tuple[slice, slice]) -> float:
    """How well a part of the picture at ``box`` stands out of the ground: 0.3 without a shadow on any side, up to 1."""
    reach = max(2, round(0.14 * float(np.sqrt(np.count_nonzero(part)))))
    top, left = box[0].start, box[1].start
    rows, columns = np.nonzero(part)
    best = 0.0
    for dy, dx in ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)):
        y, x = rows + reach * dy, columns + reach * dx
        out = (y < 0) | (x < 0) | (y >= part.shape[0]) | (x >= part.shape[1])
        beside = out | ~part[np.clip(y, 0, part.shape[0] - 1), np.clip(x, 0, part.shape[1] - 1)]
        at = y[beside] + top, x[beside] + left
        seen = (at[0] >= 0) & (at[1] >= 0) & (at[0] < scene.height) & (at[1] < scene.width)
        if seen.any():
            dark = scene.luminance[at[0][seen], at[1][seen]] < 0.5 * float(np.median(scene.luminance))
            best = max(best, float(dark.mean()))
    return 0.3 + 0.7 * best


def find_building(scene: Scene, area: FloatArray, rng: np.random.Generator) -> BoolArray | None:
    """The roof in a region of interest; in a whole scene, one of those that look most like a house. bool [H, W]."""
    if scene.subject is not None:
        return whole_building(scene, area, np.asarray(scene.subject > 0.5))
    if np.mean(area > 0.0) > 0.7:
        roofs = ndimage.binary_opening((scene.roofs > 0.5) & (area > 0.0), _disc(0.016 * scene.short_side))
        parts, count = ndimage.label(roofs)
        edge = border_of(scene.shape)
        scores = []
        for index, box in enumerate(ndimage.find_objects(parts), start=1):
            part = parts[box] == index
            size = float(np.sqrt(np.count_nonzero(part)))
            at_border = np.count_nonzero(edge[box] & part) / size
            likeness = likeness_to_house(part) * max(0.0, 1.0 - at_border)
            scores.append(size * likeness * _shadowed(scene, part, box) if likeness > 0.3 else 0.0)
        if count and max(scores) > 0.0:
            weight = np.where(np.array(scores) > 0.7 * max(scores), scores, 0.0)
            chosen = 1 + int(rng.choice(count, p=weight / weight.sum()))
            return whole_building(scene, area, np.asarray(parts == chosen))
    roof = find_roof(scene, area, rng)
    if roof is None:
        return None
    found = np.zeros(scene.shape, bool)
    found[roof.window] = roof.mask
    return whole_building(scene, area, found) if found.any() else None


def whole_building(scene: Scene, area: FloatArray, found: BoolArray) -> BoolArray:
    """A roof with its other planes: what adjoins it in its colour, however bright, and is built. bool [H, W]."""
    size = float(np.sqrt(np.count_nonzero(found)))
    smooth = opponent(blur(scene.rgb, 1.2))
    middle = np.median(smooth[found], axis=0)
    spread = np.maximum(2.0 * np.median(np.abs(smooth[found] - middle), axis=0), (0.25, 0.05, 0.05))
    alike = (np.abs(smooth - middle) < spread).all(-1) & (scene.vegetation < 0.5) & (area > 0.0)
    alike &= grown(found, 0.4 * size) & (scene.roofs + 0.7 * scene.built > 0.35)
    alike = ndimage.binary_opening(alike, _disc(0.05 * size)) | found
    parts, _ = ndimage.label(alike)
    joined = np.isin(parts, np.unique(parts[found]))
    joined = joined if np.count_nonzero(joined) < 1.7 * np.count_nonzero(found) else found
    margin = max(2, round(0.1 * size))
    closed = ndimage.binary_closing(np.pad(joined, margin), _disc(margin))[margin:-margin, margin:-margin]
    return np.asarray(ndimage.binary_fill_holes(closed | found))


def cast_shadow(scene: Scene, building: BoolArray) -> BoolArray:
    """The dark places that cling to a building on the side where the sun throws its shadow. bool [H, W]."""
    size = float(np.sqrt(np.count_nonzero(building)))
    ring = grown(building, 0.45 * size) & ~building
    if not ring.any():
        return ring
    level = blur(scene.luminance, 0.8)
    usual, darkest = float(np.quantile(level[ring], 0.6)), float(np.quantile(level[ring], 0.02))
    dark = ring & (level < darkest + 0.45 * (usual - darkest)) & (usual - darkest > 0.06)
    dark &= blur(scene.greenness, 1.0) < 0.14
    # A shadow is one even piece; the dark gaps in a crown beside the house are many small ones.
    dark = ndimage.binary_opening(dark, _disc(0.03 * size))
    thrown = building.astype(np.float32)
    for k in range(1, 9):
        way = 0.4 * size * k / 8
        thrown = np.maximum(
            thrown, ndimage.shift(building.astype(np.float32), (scene.sun[0] * way, scene.sun[1] * way), order=0)
        )
    sideways = grown(thrown > 0.5, 0.1 * size)
    shadow = ndimage.binary_propagation(grown(building, 3.0) & dark, mask=dark) & sideways
    if np.count_nonzero(shadow) > 0.45 * np.count_nonzero(building):
        shadow &= grown(building, 0.12 * size)  # dark woods behind the house
    return np.asarray(shadow)
