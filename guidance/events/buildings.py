"""Buildings in a whole scene: parts of one colour, each rated by how much it looks like a roof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import felzenszwalb

from .looks import Looks
from .regions import CROSS, BoolArray, Box, Edges, connected_parts, opponent, share_at_border
from .scene import Scene

FloatArray = NDArray[np.float32]

LEAST_LIKELIHOOD = 0.35
_SMALLEST, _LARGEST = 0.0012, 0.15
"""Shares of the picture that a roof takes."""
_LEVELS = (11, 7, 7)
"""How many levels cut the picture into what is above and below: of luminance, warm − cool, green − magenta."""
_SCALES = (30, 80, 200)
"""How unlike the parts of a segmentation are (felzenszwalb), from fine to coarse."""
_OVERLAP = 0.35
_MOST = 40
_ROUNDS = 2
"""Rounds of joining planes to roofs."""
_LEAST_PLANE = 0.12
"""Likelihood from which a part may be one plane of a roof."""
_UNLIKELY_PLANE = 0.008
"""The same beside a plane that is likelier: a shaded one by itself looks like a shadow."""
_LEAST_WITH_UNLIKELY = 0.5
"""Likelihood that a roof with such a plane must have."""
_BORDER = 0.02
"""How near to the border, in short sides, an outline ends that the border cut."""
_SHARED_EDGE = 1.6
"""Pixels that two parts, each grown by two, have in common where they adjoin, by the side of the smaller."""

ROOF = Looks(
    {
        "share": (0.668, -4.376, 0.940),
        "right_angled": (0.364, 0.692, 0.098),
        "long": (-0.311, 0.478, 0.355),
        "compact": (0.632, 0.781, 0.088),
        "straight": (0.677, 0.471, 0.200),
        "rough": (-0.362, 0.177, 0.115),
        "rough_around": (0.405, 0.252, 0.119),
        "green": (-0.278, 0.126, 0.167),
        "bright": (0.507, 0.086, 0.188),
        "contrast": (0.669, 0.219, 0.138),
        "shadow": (0.466, 0.054, 0.073),
        "border": (-0.608, 0.035, 0.075),
        "uneven": (-0.342, 0.266, 0.091),
        "warm": (-0.437, 0.069, 0.116),
    },
    start=-0.312,
    # Neither the largest nor the brightest parts are roofs.
    bent={"share": -0.358, "bright": -0.340},
)
"""Fitted to 627 parts of 65 UC Merced scenes, looked at by eye."""


@dataclass(frozen=True)
class Building:
    """A roof. mask: bool [H, W]; likelihood: 0…1, that it is one."""

    mask: BoolArray
    likelihood: float

    @property
    def cut(self) -> float:
        """The share of its outline that lies on the border of the picture or close to it, 0…1."""
        outline = self.mask & ~ndimage.binary_erosion(self.mask, CROSS)
        rows, columns = np.nonzero(outline)
        return share_at_border(rows, columns, outline.shape, max(1, round(_BORDER * min(outline.shape))))


class _Picture:
    """The coarse picture with what the looks of its parts are measured on, all [h, w]."""

    def __init__(self, scene: Scene) -> None:
        coarse = Scene(scene.coarse)
        self.rgb, self.shape = coarse.rgb, coarse.shape
        self.colour = opponent(ndimage.gaussian_filter(coarse.rgb, (1.0, 1.0, 0), mode="nearest"))
        self.edges = Edges(self.colour, 0.7)
        self.luminance = self.colour[..., 0]
        self.usual = float(np.median(self.luminance))
        self.shade = max(0.5 * self.usual, float(np.quantile(self.luminance, 0.02)) + 0.02)
        self.green, self.water, self.rough = coarse.vegetation, coarse.water, coarse.roughness


def find_buildings(scene: Scene) -> list[Building]:
    """What looks like a roof, the likeliest first; none overlaps another by much."""
    picture = _Picture(scene)
    rated = [_rated(picture, part, box) for part, box in _parts(picture)]
    tried: set[tuple[_Part, _Part]] = set()
    for _ in range(_ROUNDS):
        planes = _apart(rated, _UNLIKELY_PLANE)
        pairs = [
            pair
            for pair in combinations(planes, 2)
            if pair not in tried and max(each.likelihood for each in pair) >= _LEAST_PLANE
        ]
        rated += _joined(picture, pairs)
        tried.update(pairs)
    return [
        Building(scene.to_full(part.whole(picture.shape)) > 0.5, part.likelihood)
        for part in _apart(rated, LEAST_LIKELIHOOD)
    ]


def roof_likelihood(scene: Scene, mask: BoolArray) -> float:
    """0…1: how much what a mask [H, W] marks looks like one roof."""
    picture = _Picture(scene)
    scale = [small / full for small, full in zip(picture.shape, mask.shape, strict=True)]
    part = ndimage.zoom(mask.astype(np.float32), scale, order=1) > 0.5
    boxes = ndimage.find_objects(part.astype(np.uint8))
    return _rated(picture, part[boxes[0]], boxes[0]).likelihood if boxes else 0.0


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the coarse picture: bool [h, w] of the box that it lies in, and how likely it is a roof."""

    mask: BoolArray
    box: Box
    likelihood: float

    def whole(self, shape: tuple[int, int]) -> BoolArray:
        whole = np.zeros(shape, bool)
        whole[self.box] = self.mask
        return whole


def _apart(parts: list[_Part], least: float) -> list[_Part]:
    """The likeliest parts, of which none overlaps another by much."""
    taken = np.zeros([max(part.box[axis].stop for part in parts) for axis in (0, 1)] if parts else (0, 0), bool)
    found: list[_Part] = []
    for part in sorted(parts, key=lambda each: -each.likelihood):
        if part.likelihood < least or len(found) == _MOST:
            break
        if np.count_nonzero(taken[part.box] & part.mask) <= _OVERLAP * np.count_nonzero(part.mask):
            taken[part.box] |= part.mask
            found.append(part)
    return found


def _joined(picture: _Picture, pairs: Sequence[tuple[_Part, _Part]]) -> list[_Part]:
    """Of these pairs those that adjoin and look likelier together: the lit and the shaded plane of one roof."""
    wholes = {part: part.whole(picture.shape) for pair in pairs for part in pair}
    grown = {part: ndimage.binary_dilation(whole, CROSS, iterations=2) for part, whole in wholes.items()}
    result = []
    for one, other in pairs:
        shared = np.count_nonzero(grown[one] & grown[other])
        if shared < _SHARED_EDGE * np.sqrt(min(np.count_nonzero(one.mask), np.count_nonzero(other.mask))):
            continue
        both = ndimage.binary_fill_holes(ndimage.binary_closing(wholes[one] | wholes[other], iterations=2))
        box = ndimage.find_objects(both.astype(np.uint8))[0]
        joined = _rated(picture, both[box], box)
        least = 0.0 if min(one.likelihood, other.likelihood) >= _LEAST_PLANE else _LEAST_WITH_UNLIKELY
        if joined.likelihood > max(one.likelihood, other.likelihood, least):
            result.append(joined)
    return result


def _parts(picture: _Picture) -> Iterator[tuple[BoolArray, Box]]:
    """Connected parts, each filled and with the box that it lies in: above and below levels, and of segmentations."""
    seen = set()
    for labels in _labellings(picture):
        for part, box in connected_parts(labels, _SMALLEST, _LARGEST):
            share = np.count_nonzero(part) / labels.size
            filled = ndimage.binary_fill_holes(part, CROSS)
            # The same part comes again at the next level, hardly changed.
            key = (*(round(end / 3) for side in box for end in (side.start, side.stop)), round(5.0 * np.log(share)))
            if key not in seen and np.count_nonzero(filled) < 1.6 * np.count_nonzero(part):
                seen.add(key)
                yield filled, box


def _labellings(picture: _Picture) -> Iterator[NDArray[np.intp]]:
    for channel, count in enumerate(_LEVELS):
        values = picture.colour[..., channel]
        for level in np.quantile(values, np.linspace(0.08, 0.93, count)):
            for side in (values > level, values <= level):
                yield ndimage.label(ndimage.binary_opening(side, np.ones((2, 2), bool)))[0]
    for scale in _SCALES:
        least = max(2, round(0.001 * picture.luminance.size))
        yield felzenszwalb(picture.rgb, scale=scale, sigma=0.8, min_size=least) + 1


def _rated(picture: _Picture, part: BoolArray, box: Box) -> _Part:
    looks = _looks(picture, part, box)
    if looks is None:
        return _Part(part, box, 0.0)
    return _Part(part, box, ROOF.likelihood(looks))


def _looks(picture: _Picture, part: BoolArray, box: Box) -> dict[str, float] | None:
    """What a part looks like, by the names in ``ROOF``; None where it is no roof at first sight."""
    margin = 6
    rows_near, columns_near = (slice(max(0, side.start - margin), side.stop + margin) for side in box)
    window = rows_near, columns_near
    mask = np.pad(part, margin)[
        tuple(
            slice(max(0, margin - side.start), size - max(0, side.stop + margin - limit))
            for side, size, limit in zip(box, (n + 2 * margin for n in part.shape), picture.shape, strict=True)
        )
    ]
    count = np.count_nonzero(mask)
    inner = ndimage.binary_erosion(mask, CROSS)
    y, x = np.nonzero(mask & ~inner)
    sides = _sides(y, x)
    right_angled = min(1.0, count / (sides[0] * sides[1]))
    border = share_at_border(y + window[0].start, x + window[1].start, picture.shape)
    long = float(np.log(sides[1] / sides[0]))
    green, water = (float(each[window][mask].mean()) for each in (picture.green, picture.water))
    if right_angled < 0.45 or long > 1.6 or border > 0.33 or green > 0.66 or water > 0.5:
        return None
    wide = max(2, int(0.18 * np.sqrt(count)))
    near = ndimage.binary_dilation(mask, CROSS)
    ring = ndimage.binary_dilation(mask, CROSS, iterations=wide) & ~near
    ring = ring if ring.any() else mask
    core = inner if np.count_nonzero(inner) > 8 else mask
    outline = near & ~inner
    colour, around = (np.median(picture.colour[window][place], axis=0) for place in (core, ring))
    middle = np.argwhere(mask).mean(0)
    outward = np.argwhere(ring) - middle
    dark = picture.luminance[window][ring] < min(picture.shade, 0.6 * float(colour[0]))
    away = np.hypot(*(np.argwhere(outline) - middle).T)
    return {
        "share": float(np.log(count / picture.luminance.size)),
        "right_angled": right_angled,
        "long": long,
        "compact": np.count_nonzero(inner) / count,
        "straight": picture.edges.straightness(outline, window),
        "rough": float(np.median(picture.rough[window][core])),
        "rough_around": float(np.median(picture.rough[window][ring])),
        "green": green,
        "bright": float(colour[0]) - picture.usual,
        "contrast": float(np.linalg.norm(colour - around)),
        # Dark on one side only: a shadow, not a moat.
        "shadow": float(np.abs((dark * np.exp(1j * np.arctan2(outward[:, 0], outward[:, 1]))).mean())),
        "border": border,
        "uneven": float(away.std() / away.mean()),
        "warm": float(colour[1]),
    }


def _sides(y: NDArray[np.intp], x: NDArray[np.intp]) -> tuple[float, float]:
    """Shorter and longer side of the smallest of a few turned rectangles around pixels, in pixels."""
    angles = np.deg2rad(np.arange(0.0, 90.0, 5.0))[:, None]
    along = np.ptp(np.cos(angles) * x + np.sin(angles) * y, axis=1) + 1.0
    across = np.ptp(np.cos(angles) * y - np.sin(angles) * x, axis=1) + 1.0
    best = int(np.argmin(along * across))
    return float(min(along[best], across[best])), float(max(along[best], across[best]))
