"""A deck: its place, course, width and shadow, measured where the picture runs on along it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import along
from .scene import Scene

FloatArray = NDArray[np.float32]

_SHADED = 0.65
"""Luminance, relative to the ground beside a deck, below which a line lies in its shadow."""
_DARK = 0.55
"""Share of the deck's own brightness below which the ground beside it is in its shadow."""

_STEEP = 2.5
"""Lines unlike the deck that the steepest place of the profile makes up for, when its edge is looked for."""


@dataclass(frozen=True)
class Deck:
    """A stretch of bridge: centre (row, column), direction (dy, dx) there, sizes in pixels.

    bend: how its middle line curves away, in pixels across per squared pixel along.
    shade: width of the shadow beside it, negative on the side of negative offsets; 0 where none is to be seen.
    """

    centre: tuple[float, float]
    direction: tuple[float, float]
    half_width: float
    length: float
    over_water: bool
    bend: float = 0.0
    shade: float = 0.0

    def frame(self, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        """Of every pixel: how far along the deck and how far from its middle line, float32 [H, W] each."""
        u, v = along(shape, self.direction, self.centre)
        return u, np.asarray(v - np.float32(self.bend) * u**2, np.float32)

    def locate(self, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rows and columns of the places ``u`` along the deck and ``v`` across: the inverse of ``frame``."""
        (dy, dx), w = self.direction, v + self.bend * u**2
        rows, columns = self.centre[0] + u * dy - w * dx, self.centre[1] + u * dx + w * dy
        return np.asarray(rows, np.float32), np.asarray(columns, np.float32)

    def moved(self, step: float) -> Deck:
        """The same deck with its centre ``step`` pixels further along."""
        rows, columns = self.locate(np.array([step], np.float32), np.zeros(1, np.float32))
        turn = np.arctan2(*self.direction) + np.arctan(2.0 * self.bend * step)
        return replace(
            self,
            centre=(float(rows[0]), float(columns[0])),
            direction=(float(np.sin(turn)), float(np.cos(turn))),
        )


def _strip(
    scene: Scene, picture: FloatArray, deck: Deck, reach: tuple[float, float], samples: int = 130
) -> tuple[FloatArray, FloatArray]:
    """The picture [H, W] along a deck, straightened, NaN outside, [across, along]; and the offsets across, [across].

    reach: how far it goes along and across from the centre, in pixels, with ``samples`` steps along.
    """
    step = max(1.0, scene.short_side / 130.0)
    u = np.linspace(-reach[0], reach[0], samples + 1, dtype=np.float32)
    v = np.arange(-reach[1], reach[1] + 0.5 * step, 0.5 * step, dtype=np.float32)
    at = deck.locate(*np.broadcast_arrays(u[None, :], v[:, None]))
    values = ndimage.map_coordinates(picture, at, order=1, mode="constant", cval=np.nan)
    return np.asarray(values, np.float32), v


def _edge_energy(scene: Scene, picture: FloatArray, deck: Deck) -> float:
    """How sharp the mean profile across a deck is: sharpest where its course follows the real one."""
    reach = (0.5 * scene.short_side, max(1.6 * deck.half_width, 0.08 * scene.short_side))
    values, _ = _strip(scene, picture, deck, reach, 64)
    near = np.exp(-0.5 * np.linspace(-1.7, 1.7, values.shape[1], dtype=np.float32) ** 2)
    weight = np.where(np.isnan(values), 0.0, near)
    profile = (np.nan_to_num(values) * weight).sum(1) / np.maximum(weight.sum(1), 1e-6)
    return float((np.diff(ndimage.gaussian_filter1d(profile, 1.0)) ** 2).sum())


def _aligned(scene: Scene, deck: Deck) -> Deck:
    """The deck turned and bent until its edges are sharpest in the mean profile across it."""
    low, high = np.quantile(scene.luminance, (0.02, 0.98))
    picture = np.clip(scene.luminance, low, high).astype(np.float32)
    angle = np.arctan2(*deck.direction)
    for turns, bends in (
        (np.linspace(-7.0, 7.0, 8), np.linspace(-0.32, 0.32, 13)),
        (np.linspace(-1.4, 1.4, 5), np.linspace(-0.036, 0.036, 5)),
    ):
        options = [
            replace(deck, direction=(float(np.sin(t)), float(np.cos(t))), bend=float(deck.bend + c / scene.short_side))
            for t in angle + np.deg2rad(turns)
            for c in bends
        ]
        deck = max(options, key=lambda option: _edge_energy(scene, picture, option))
        angle = np.arctan2(*deck.direction)
    return deck


def _grown(alike: NDArray[np.bool_], start: int, step: int, skip: int) -> int:
    """The last index, walking from ``start`` by ``step`` while ``alike``, over at most ``skip`` others in a row."""
    last, index, missed = start, start, 0
    while 0 <= index < len(alike) and missed <= skip:
        last, missed = (index, 0) if alike[index] else (last, missed + 1)
        index += step
    return last


def _like_deck(
    scene: Scene, deck: Deck, values: FloatArray, profile: FloatArray, v: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """How much each line along the deck looks like it, as even and of its colours, −1…0.35; and which are in shade."""
    side = scene.short_side
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        # A low quantile: cars stand on less than half of a lane.
        restless = np.nanquantile(np.abs(values - profile[:, None]), 0.4, axis=1)
        bands = [_strip(scene, scene.rgb[..., c], deck, (0.5 * side, 0.45 * side))[0] for c in range(3)]
        colours = np.nan_to_num(np.stack([np.nanmedian(band, 1) for band in bands], -1))
    known = np.isfinite(values).mean(1) > 0.2
    core = np.abs(v) < 0.7 * deck.half_width
    calm = float(np.median(np.nan_to_num(restless[core])))
    unrest = (restless - calm) / max(float(np.quantile(restless[known], 0.85)) - calm, 0.015)
    low, high = (np.quantile(colours[core], q, axis=0) for q in (0.05, 0.95))
    off = np.linalg.norm(np.maximum(np.maximum(low - colours, colours - high), 0.0), axis=-1)
    dark = profile < _DARK * float(np.median(profile[core]))
    # Parapets and markings are brighter than the lanes.
    most = np.where((colours > low).all(-1), 0.15, 0.6)
    likeness = np.clip(0.35 - unrest, -0.6, 0.35) - np.clip(4.0 * (off - 0.03), 0.0, most)
    return np.where(known, likeness, -1.0).astype(np.float32), np.asarray(dark)


def _edge(likeness: FloatArray, dark: NDArray[np.bool_], profile: FloatArray, step: int, reach: int) -> int:
    """Where the deck ends on one side of the middle: up to there most is like it, and the profile is steep there.

    Up to ``reach`` lines further out there may be another edge, that of a parapet or of the deck's own side.
    """
    middle = len(likeness) // 2
    stop = len(likeness) if step > 0 else -1
    walk = np.arange(middle, stop, step)
    shaded = np.convolve(dark[walk], np.ones(2), mode="valid") >= 2
    if shaded.any():
        walk = walk[: int(np.argmax(shaded)) + 1]
    slope = np.abs(np.gradient(ndimage.gaussian_filter1d(profile, 1.0)))[walk]
    gain = np.cumsum(likeness[walk]) + _STEEP * np.minimum(slope / max(float(slope.max()), 1e-6), 1.0)
    chosen = int(np.argmax(gain))
    outer = np.flatnonzero(slope[chosen : chosen + reach + 1] > 0.6 * slope[chosen] - 1e-9)
    return int(walk[chosen + int(outer[-1])])


def measured(scene: Scene, deck: Deck) -> Deck:
    """The deck with its real course, whole width and length, and the width of its shadow."""
    deck = _aligned(scene, deck)
    side, half = scene.short_side, deck.half_width
    values, v = _strip(scene, scene.luminance, deck, (0.5 * side, 0.45 * side))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        profile = np.nan_to_num(np.nanmedian(values, 1))
    likeness, dark = _like_deck(scene, deck, values, profile, v)
    own = float(np.median(profile[np.abs(v) < 0.7 * half]))
    reach = max(2, round(0.02 * side / float(v[1] - v[0])))
    ends = [_edge(likeness, dark, profile, step, reach) for step in (-1, 1)]
    if v[ends[1]] - v[ends[0]] < 0.8 * half:
        return deck
    beside = np.delete(profile, slice(ends[0], ends[1] + 1))
    beside = beside[beside > 0.0]
    # Beside a bright deck, grass is dark too: what lies in shade is darker than the ground is mostly.
    ground = float(np.quantile(beside, 0.6)) if len(beside) else 1.0
    limit = min(_DARK * own, _SHADED * ground)
    shades = [_shade_width(values, v, end, step * reach, limit) for end, step in zip(ends, (-1, 1), strict=True)]
    middle_line = 0.5 * float(v[ends[0]] + v[ends[1]])
    rows, columns = deck.locate(np.zeros(1, np.float32), np.full(1, middle_line, np.float32))
    deck = replace(
        deck,
        centre=(float(rows[0]), float(columns[0])),
        half_width=max(1.0, 0.5 * float(v[ends[1]] - v[ends[0]])),
        shade=shades[1] if shades[1] > shades[0] else -shades[0],
    )
    most = min(3.0 * deck.half_width, 0.25 * side)
    deck = replace(deck, shade=float(np.clip(deck.shade, -most, most)))
    body = values[ends[0] + 1 : ends[1]] - profile[ends[0] + 1 : ends[1], None]
    return _shortened(deck, body, 1.0 * side)


def _shade_width(values: FloatArray, v: FloatArray, edge: int, reach: int, limit: float) -> float:
    """How far the dark goes on beside an edge, in pixels: 0 where it does not begin within ``reach`` samples."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        dark = np.nan_to_num(np.nanquantile(values, 0.3, axis=1), nan=1.0) < limit
    step = 1 if reach > 0 else -1
    for start in range(edge, edge + 2 * reach + step, step):
        if 0 <= start < len(v) and dark[start]:
            return abs(float(v[_grown(dark, start, step, abs(reach) // 2)] - v[edge]))
    return 0.0


def _shortened(deck: Deck, body: FloatArray, span: float) -> Deck:
    """The deck cut to the stretch about its centre that looks like the rest of it.

    body: difference from the mean profile, [across, along]; span: what its columns cover, in pixels.
    """
    count = body.shape[1]
    odd = np.nan_to_num(np.median(np.abs(body), 0), nan=1.0)
    usual = max(float(np.median(odd[odd < 1.0])) if (odd < 1.0).any() else 1.0, 0.01)
    alike = ndimage.uniform_filter1d(odd, 5) < 2.5 * usual + 0.02
    first, last = (_grown(alike, count // 2, step, 3) for step in (-1, 1))
    per_sample = span / max(1, count - 1)
    start, stop = (first - 0.5 * (count - 1)) * per_sample, (last - 0.5 * (count - 1)) * per_sample
    if stop - start < 3.0 * deck.half_width:
        return deck
    return replace(deck.moved(0.5 * (start + stop)), length=stop - start)
