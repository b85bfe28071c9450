"""Drawing toolkit of the event renderers: seeded noise fields, ramps and soft places.

All fields are float32 [H, W]; sizes are in pixels; everything random comes from the generator given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .regions import largest_part

FloatArray = NDArray[np.float32]
Shape = tuple[int, int]

_MOST_OF_AREA = 0.75
"""A place that grows leaves some of its area, so that its outline is its own."""


def smoothstep(x: ArrayLike, low: float, high: float) -> FloatArray:
    """Smooth ramp from 0 at ``low`` to 1 at ``high``; ``low`` > ``high`` gives the falling ramp."""
    t = np.clip((np.asarray(x, np.float32) - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def mix(a: ArrayLike, b: ArrayLike, alpha: ArrayLike) -> FloatArray:
    """``a`` where alpha is 0, ``b`` where it is 1.

    a, b: [H, W, 3], [H, W] or a colour [3]; alpha: [H, W] or a number.
    """
    weight = np.asarray(alpha, np.float32)
    a32, b32 = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if weight.ndim == 2 and (a32.ndim, b32.ndim) != (2, 2) and max(a32.ndim, b32.ndim) >= 1:
        weight = weight[..., None]
    return (a32 + (b32 - a32) * weight).astype(np.float32)


def blur(values: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of [H, W] or [H, W, C] over its first two axes; the border repeats its last value."""
    factor = min(int(sigma / 3), min(values.shape[:2]) // 8)
    if factor >= 2:  # wide blurs are done on a coarser grid: their cost does not grow with sigma
        return enlarge(blur(shrink(values, factor), sigma / factor), factor, values.shape[:2])
    sigmas = (sigma, sigma) + (0.0,) * (values.ndim - 2)
    return np.asarray(ndimage.gaussian_filter(values, sigmas, mode="nearest"), np.float32)


def shrink(values: FloatArray, factor: int) -> FloatArray:
    """Means of ``factor`` × ``factor`` pixels, the border repeated to fill them up: [H, W] or [H, W, C]."""
    height, width = (-(-n // factor) for n in values.shape[:2])
    missing = ((0, height * factor - values.shape[0]), (0, width * factor - values.shape[1]))
    padded = np.pad(values, missing + ((0, 0),) * (values.ndim - 2), mode="edge")
    blocks = padded.reshape(height, factor, width, factor, *values.shape[2:])
    return np.asarray(blocks.mean((1, 3)), np.float32)


def enlarge(values: FloatArray, factor: int, shape: tuple[int, ...]) -> FloatArray:
    """Undo ``shrink``, with linear interpolation, to (height, width) = ``shape``."""
    for axis in (0, 1):
        position = np.clip((np.arange(shape[axis]) + 0.5) / factor - 0.5, 0.0, values.shape[axis] - 1.0)
        low = position.astype(np.int64)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        t = (position - low).astype(np.float32).reshape((-1,) + (1,) * (values.ndim - 1 - axis))
        values = np.take(values, low, axis) * (1.0 - t) + np.take(values, high, axis) * t
    return np.asarray(values, np.float32)


def shift(values: FloatArray, dy: float, dx: float) -> FloatArray:
    """Move a field [H, W] by a sub-pixel offset; the border continues with its last value."""
    return np.asarray(ndimage.shift(values, (dy, dx), order=1, mode="nearest"), np.float32)


def _spline_weights(length: int, size: float, phase: float) -> tuple[NDArray[np.int64], FloatArray]:
    """Knot index [length] and the four cubic B-spline weights [4, length] of every pixel."""
    position = np.arange(length) / size + phase
    index = np.floor(position).astype(np.int64)
    t = position - index
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    return index, weights.astype(np.float32)


def value_noise(shape: Shape, size: float | tuple[float, float], rng: np.random.Generator) -> FloatArray:
    """One octave of smooth noise, mean 0, deviation near 1. size: feature size, or (vertical, horizontal)."""
    size_y, size_x = size if isinstance(size, tuple) else (size, size)
    phase_y, phase_x = rng.random(2)
    rows, weights_y = _spline_weights(shape[0], max(size_y, 1.0), float(phase_y))
    columns, weights_x = _spline_weights(shape[1], max(size_x, 1.0), float(phase_x))
    knots = rng.standard_normal((int(rows[-1]) + 4, int(columns[-1]) + 4)).astype(np.float32)
    tall = sum(weights_y[k][:, None] * knots[rows + k] for k in range(4))
    field = sum(weights_x[k][None, :] * np.asarray(tall)[:, columns + k] for k in range(4))
    # A cubic B-spline keeps on average (151/315)² of the variance of independent knots.
    return (np.asarray(field) * (315 / 151)).astype(np.float32)


def _octave_sizes(size: float | tuple[float, float], octaves: int) -> list[tuple[float, float]]:
    """Halving feature sizes, as long as a feature still spans a pixel or two."""
    size_y, size_x = size if isinstance(size, tuple) else (size, size)
    sizes = [(size_y / 2**k, size_x / 2**k) for k in range(octaves)]
    return [s for k, s in enumerate(sizes) if k == 0 or min(s) >= 1.2]


def _standardised(field: FloatArray) -> FloatArray:
    spread = max(float(field.std()), 1e-6)
    return np.asarray(np.clip(0.5 + 0.19 * (field - field.mean()) / spread, 0.0, 1.0), np.float32)


def fractal_noise(
    shape: Shape, size: float | tuple[float, float], rng: np.random.Generator, octaves: int = 5
) -> FloatArray:
    """Sum of octaves of halving size and amplitude: clouds. 0…1, mean 0.5, standard deviation about 0.19.

    size: feature size of the coarsest octave in pixels, or (vertical, horizontal) for stretched features.
    """
    total = np.zeros(shape, np.float32)
    for k, octave in enumerate(_octave_sizes(size, octaves)):
        total += value_noise(shape, octave, rng) * np.float32(0.5**k)
    return _standardised(total)


def ridged_noise(
    shape: Shape, size: float | tuple[float, float], rng: np.random.Generator, octaves: int = 4
) -> FloatArray:
    """Sharp connected crests on dark ground (1 on a crest, 0 between): cracks, veins, folds. 0…1."""
    total, norm = np.zeros(shape, np.float32), 0.0
    for k, octave in enumerate(_octave_sizes(size, octaves)):
        crest = np.clip(1.0 - np.abs(value_noise(shape, octave, rng)), 0.0, 1.0) ** 2
        total += crest * np.float32(0.55**k)
        norm += 0.55**k
    return np.asarray(np.clip(total / norm, 0.0, 1.0), np.float32)


def billow_noise(
    shape: Shape, size: float | tuple[float, float], rng: np.random.Generator, octaves: int = 5
) -> FloatArray:
    """Round bright puffs parted by thin dark creases: smoke, foam, crowns. 0…1, mean 0.5."""
    total = np.zeros(shape, np.float32)
    for k, octave in enumerate(_octave_sizes(size, octaves)):
        total += np.sqrt(np.abs(value_noise(shape, octave, rng))) * np.float32(0.55**k)
    return _standardised(total)


def noise_at(
    y: FloatArray, x: FloatArray, size: tuple[float, float], rng: np.random.Generator, octaves: int = 4
) -> FloatArray:
    """Fractal noise in a frame of one's own, so that lines can follow a flow. 0…1, mean 0.5.

    y, x: coordinates [H, W] of every pixel (along the flow, across it); size: the feature size in each.
    """
    total = np.zeros(y.shape, np.float32)
    for k in range(octaves):
        knots = rng.standard_normal((64, 64)).astype(np.float32)
        at = [y * np.float32(2**k / size[0]), x * np.float32(2**k / size[1])]
        layer = ndimage.map_coordinates(knots, at, order=3, mode="grid-wrap", prefilter=False)
        total += layer.astype(np.float32) * np.float32(0.6**k)
    return _standardised(total)


def warp(field: FloatArray, amount: float, size: float, rng: np.random.Generator) -> FloatArray:
    """Displace [H, W] or [H, W, C] by smooth noise: about ``amount`` pixels, in swirls of ``size`` pixels."""
    shape = (field.shape[0], field.shape[1])
    dy, dx = (amount * value_noise(shape, size, rng) for _ in range(2))
    rows, columns = np.indices(shape, dtype=np.float32)
    at = [rows + dy, columns + dx]
    if field.ndim == 2:
        return np.asarray(ndimage.map_coordinates(field, at, order=1, mode="nearest"), np.float32)
    bands = [ndimage.map_coordinates(field[..., c], at, order=1, mode="nearest") for c in range(field.shape[2])]
    return np.stack(bands, -1).astype(np.float32)


def along(shape: Shape, direction: tuple[float, float], centre: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Coordinates of every pixel in a turned frame: (pixels along ``direction``, pixels across it)."""
    rows, columns = np.indices(shape, dtype=np.float32)
    y, x = rows - np.float32(centre[0]), columns - np.float32(centre[1])
    dy, dx = np.float32(direction[0]), np.float32(direction[1])
    return (y * dy + x * dx).astype(np.float32), (x * dy - y * dx).astype(np.float32)


def random_direction(rng: np.random.Generator) -> tuple[float, float]:
    """A unit vector (dy, dx)."""
    angle = float(rng.uniform(0.0, 2 * np.pi))
    return float(np.sin(angle)), float(np.cos(angle))


def inside(area: FloatArray, width: float) -> FloatArray:
    """0 where the area is 0, rising to 1 within ``width`` pixels of it; the image's own border is no edge."""
    support = area > 0.0
    if support.all():
        return np.ones(area.shape, np.float32)
    return smoothstep(ndimage.distance_transform_edt(support) - 0.5, 0.0, max(width, 1.0))


def pick_point(weight: FloatArray, rng: np.random.Generator) -> tuple[int, int]:
    """A random pixel (row, column), drawn in proportion to ``weight``; the middle where all weight is 0."""
    cumulative = np.cumsum(weight, dtype=np.float64)
    if cumulative[-1] <= 0.0:
        return weight.shape[0] // 2, weight.shape[1] // 2
    index = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    row, column = divmod(min(index, weight.size - 1), weight.shape[1])
    return row, column


def organic_place(
    area: FloatArray,
    share: float,
    rng: np.random.Generator,
    roughness: float = 0.5,
    *,
    softness: float = 0.08,
    preference: FloatArray | None = None,
) -> FloatArray:
    """A soft, connected, irregular place grown inside ``area``: float32 [H, W] in 0…1, 0 where area is 0.

    share: part of the whole scene that the place covers, about, as far as the area has room for it.
    roughness: 0 = ellipse, 1 = ragged.
    softness: width of its edge relative to its radius. A hard border of the area is met with a falloff to 0.
    preference: 0…1 [H, W], where in the area it rather grows; there pixels count towards the share in full.
    """
    shape = (area.shape[0], area.shape[1])
    wanted = area if preference is None else (area * preference).astype(np.float32)
    weight = float(wanted.sum())
    if weight <= 0.0 or share <= 0.0:
        return np.zeros(shape, np.float32)
    share = min(share * area.size / weight, _MOST_OF_AREA)
    radius = max(np.sqrt(share * weight / np.pi), 1.5)
    # Well inside: the area as seen at half the place's own size, so that places keep off its borders.
    seen = blur(np.minimum(wanted, 1.0) * inside(area, 0.5 * radius), min(0.4 * radius, 0.1 * min(shape)))
    seen /= max(float(seen.max()), 1e-6)
    centre = pick_point(np.where(area > 0.0, seen**2, 0.0).astype(np.float32), rng)
    u, v = along(shape, random_direction(rng), centre)
    stretch = float(rng.uniform(1.0, 1.0 + 0.8 * roughness))
    for size, amount in (
        (1.3 * radius, 0.6),
        (0.5 * radius, 0.32),
        (0.2 * radius, 0.16),
        (0.08 * radius, 0.07),
    ):
        u += np.float32(amount * roughness * radius) * value_noise(shape, size, rng)
        v += np.float32(amount * roughness * radius) * value_noise(shape, size, rng)
    reach = (np.hypot(u / stretch, v * stretch) / (0.2 + 0.8 * np.sqrt(seen))).astype(np.float32)
    order = np.argsort(reach, axis=None)
    covered = np.cumsum(wanted.ravel()[order], dtype=np.float64)
    last = min(int(np.searchsorted(covered, share * covered[-1])), order.size - 1)
    threshold = max(float(reach.ravel()[order[last]]), 1e-3)
    reach = np.where(largest_part(reach <= threshold * (1.0 + softness)), reach, np.float32(np.inf))
    place = smoothstep(reach, threshold * (1.0 + softness), threshold * (1.0 - softness))
    return (place * np.minimum(area, 1.0) * inside(area, max(2.0, 0.12 * radius))).astype(np.float32)
