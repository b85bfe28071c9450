"""The river or lake in a scene, for texts that speak of one and so say that there is one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import felzenszwalb

from .channels import carried_on
from .looks import Looks
from .regions import CROSS, BoolArray, Edges, border_of, connected_parts, local_deviation, opponent, stretch

FloatArray = NDArray[np.float32]

_SMALLEST, _LARGEST = 0.025, 0.85
"""Shares of the picture that the water takes."""
_LEVELS = (12, 9, 9)
"""How many levels cut the picture into what is above and below: of luminance, warm − cool, green − magenta."""
_CALM = (0.35, 0.5, 0.65, 0.8, 1.0)
"""Roughness below which a place is calm, relative to the picture's median."""
_SCALES = (60, 150, 400, 1000)
"""How unlike the parts of a segmentation are (felzenszwalb), from fine to coarse."""
_LEAST_LIKELIHOOD = 0.2
"""A text that names water may mean even what looks little like it."""
_LIKELY_CHANNEL = 0.4
"""Likelihood from which on water is followed to where it leaves the picture: a mere guess goes through meadows."""
_LEAST_WATER = 0.02
"""Share of the scene below which its recognised water is no river."""
_LEAST_ARM = 0.008
"""Share of the scene that a further piece of water takes."""
_SEAM = 0.02
"""Half of the widest gap between two pieces of one water, in short sides."""
_GROWTH = 16
"""Pixels of the coarse picture that water goes on beyond what was rated."""
_BANK = 5
"""Pixels of the coarse picture in which a bank makes the water beside it look rough."""

WATER = Looks(
    {
        "share": (0.472, -1.825, 0.838),
        "rough": (-0.830, -0.649, 0.625),
        "calmer": (1.058, 0.966, 0.710),
        "bright": (-1.235, -0.030, 0.123),
        "darker": (0.795, 0.031, 0.134),
        "cool": (-0.171, -0.031, 0.098),
        "cooler": (0.236, 0.018, 0.062),
        "green": (0.235, 0.051, 0.091),
        "greener": (0.194, 0.005, 0.057),
        "saturated": (0.136, 0.074, 0.039),
        "sides": (-0.105, 1.737, 1.231),
        "border": (-0.568, 0.148, 0.171),
        "long": (0.741, 1.189, 0.582),
        "compact": (0.560, 0.854, 0.077),
        "straight": (0.034, 0.288, 0.237),
        "contrast": (-0.076, 0.137, 0.087),
        "uneven": (-0.259, 0.092, 0.060),
    },
    start=-1.717,
)
"""Fitted to 171 parts of 45 scenes with rivers and ponds (UC Merced, AID), looked at by eye."""


class _Picture:
    """The coarse picture with what the looks of its parts are measured on, all [h, w]."""

    def __init__(self, rgb: FloatArray) -> None:
        self.rgb = rgb
        self.shape = (int(self.rgb.shape[0]), int(self.rgb.shape[1]))
        self.colour = opponent(ndimage.gaussian_filter(self.rgb, (1.5, 1.5, 0), mode="nearest"))
        self.edges = Edges(self.colour, 1.0)
        luminance = opponent(self.rgb)[..., 0]
        level = ndimage.gaussian_filter(luminance, 2.0)
        self.rough = local_deviation(luminance) / np.maximum(level, 0.3 * max(float(luminance.mean()), 0.05))
        self.usual = float(np.median(self.colour[..., 0]))
        self.usual_rough = float(np.median(self.rough))
        self.saturation = self.rgb.max(-1) - self.rgb.min(-1)
        self.edge = border_of(self.shape)


def likeliest_water(rgb: FloatArray) -> BoolArray | None:
    """The part of a picture that looks most like water, bool [h, w]; None where nothing does.

    rgb: float32 [h, w, 3] in 0…1, the short side about 192 pixels.
    """
    picture = _Picture(rgb)
    best, water = _LEAST_LIKELIHOOD, None
    for part in _parts(picture):
        looks = _looks(picture, part)
        if looks is not None and (likelihood := WATER.likelihood(looks)) > best:
            best, water = likelihood, part
    if water is None:
        return None
    grown = _grown(picture, water)
    return carried_on(picture.colour, grown) if best > _LIKELY_CHANNEL else grown


def joined_water(sure: FloatArray, guessed: FloatArray) -> FloatArray:
    """What surely is water, with what looks most like water (green, brown or shaded) beside it: [H, W] in 0…1 each."""
    both = np.maximum(sure, guessed)
    parts, _ = ndimage.label(ndimage.binary_dilation(both > 0.5, iterations=2))
    joined = np.isin(parts, np.setdiff1d(np.unique(parts[guessed > 0.5]), 0))
    if not (joined & (sure > 0.5)).any():
        return sure if float(sure.mean()) >= _LEAST_WATER else guessed
    # Besides, small pieces are shadows rather than water.
    large = np.bincount(parts.ravel()) > _LEAST_ARM * parts.size
    kept = np.where(joined | (large[parts] & (parts > 0)), both, 0.0)
    # Lit and shaded water do not quite meet.
    seam = max(2, round(_SEAM * min(sure.shape)))
    closed = ndimage.binary_closing(np.pad(kept > 0.5, seam, mode="edge"), iterations=seam)
    return np.asarray(np.maximum(kept, closed[seam:-seam, seam:-seam]), np.float32)


def _grown(picture: _Picture, part: BoolArray) -> BoolArray:
    """A part with what goes on from it in its tones, as calm as it: a threshold ends before the banks."""
    colours = picture.colour[part]
    middle = np.median(colours, axis=0)
    spread = np.maximum(2.5 * np.median(np.abs(colours - middle), axis=0), (0.04, 0.03, 0.03))
    calm = picture.rough < 1.6 * float(np.quantile(picture.rough[part], 0.8))
    toned = (np.abs(picture.colour - middle) < spread).all(-1)
    grown = ndimage.binary_dilation(part, CROSS, iterations=_GROWTH, mask=ndimage.binary_opening(toned & calm) | part)
    edges = np.pad(grown, 3, mode="edge")
    closed = ndimage.binary_closing(edges, iterations=3)[3:-3, 3:-3]
    # The bank itself is rough, so calm ends before it.
    return np.asarray(ndimage.binary_dilation(closed, CROSS, iterations=_BANK, mask=toned | closed))


def _parts(picture: _Picture) -> Iterator[BoolArray]:
    """Connected parts without small holes: above and below levels, calm ones, and those of segmentations."""
    seen = set()
    size = picture.rough.size
    for labels in _labellings(picture):
        for own, box in connected_parts(labels, _SMALLEST, _LARGEST):
            part = np.zeros(picture.shape, bool)
            part[box] = own
            holes, _ = ndimage.label(~part)
            small = np.bincount(holes.ravel()) < 0.004 * size
            small[0] = False
            part |= small[holes]
            # The same part comes again at the next level, hardly changed.
            ends = (round(end / 4) for side in box for end in (side.start, side.stop))
            key = (*ends, round(6.0 * np.log(np.count_nonzero(part) / size)))
            if key not in seen:
                seen.add(key)
                yield part


def _labellings(picture: _Picture) -> Iterator[NDArray[np.intp]]:
    square = np.ones((3, 3), bool)
    for channel, count in enumerate(_LEVELS):
        values = ndimage.gaussian_filter(picture.colour[..., channel], 1.5)
        for level in np.quantile(values, np.linspace(0.1, 0.9, count)):
            for side in (values > level, values <= level):
                yield ndimage.label(ndimage.binary_opening(side, square, iterations=2))[0]
    for share in _CALM:
        calm = ndimage.binary_closing(picture.rough < share * picture.usual_rough, iterations=2)
        yield ndimage.label(ndimage.binary_opening(calm, iterations=3))[0]
    for scale in _SCALES:
        least = max(2, round(0.01 * picture.rough.size))
        yield felzenszwalb(picture.rgb, scale=scale, sigma=1.2, min_size=least) + 1


def _looks(picture: _Picture, part: BoolArray) -> dict[str, float] | None:
    """What a part looks like, by the names in ``WATER``; None where nothing lies around it."""
    count = np.count_nonzero(part)
    inner = ndimage.binary_erosion(part, CROSS, iterations=2)
    inner = inner if np.count_nonzero(inner) > 30 else part
    near = ndimage.binary_dilation(part, CROSS, iterations=2)
    ring = ndimage.binary_dilation(near, CROSS, iterations=5) & ~near
    if not ring.any():
        return None
    outline = ndimage.binary_dilation(part, CROSS) & ~ndimage.binary_erosion(part, CROSS, border_value=1)
    colour, around = (np.median(picture.colour[place], axis=0) for place in (inner, ring))
    rough, rough_around = (float(np.median(picture.rough[place])) + 0.003 for place in (inner, ring))
    return {
        "share": float(np.log(count / part.size)),
        "rough": float(np.log(rough / (picture.usual_rough + 0.003))),
        "calmer": float(np.log(rough_around / rough)),
        "bright": float(colour[0]) - picture.usual,
        "darker": float(around[0] - colour[0]),
        "cool": -float(colour[1]),
        "cooler": float(around[1] - colour[1]),
        "green": float(colour[2]),
        "greener": float(colour[2] - around[2]),
        "saturated": float(np.median(picture.saturation[inner])),
        "sides": float(sum(side.any() for side in (part[0], part[-1], part[:, 0], part[:, -1]))),
        "border": float(part[picture.edge].mean()),
        "long": 0.5 * float(np.log(stretch(part))),
        "compact": np.count_nonzero(ndimage.binary_erosion(part, CROSS, iterations=2, border_value=1)) / count,
        "straight": picture.edges.straightness(outline),
        "contrast": float(np.linalg.norm(colour - around)),
        "uneven": float(picture.colour[inner].std(axis=0).sum()),
    }
