"""Fill a hole in a picture with patches copied from elsewhere in it, so that the texture is the scene's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import blur, smoothstep, value_noise

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

TRIES = 48


def membrane(rgb: FloatArray, known: FloatArray, sigma: float) -> FloatArray:
    """Colours [H, W, 3] of the ``known`` pixels (weights [H, W]) spread smoothly over all the others."""
    total, weight = np.zeros_like(rgb), np.full(known.shape, 1e-8, np.float32)
    for k in range(5):
        share = np.float32(0.02**k)
        total += share * blur(rgb * known[..., None], sigma * 2.0**k)
        weight += share * blur(known, sigma * 2.0**k)
    return np.asarray(total / weight[..., None], np.float32)


def _sources(usable: BoolArray, near: FloatArray, side: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Corners (row, column) of random patches that hold usable pixels alone, rather near the hole. int [N, 2]."""
    height, width = usable.shape
    sums = np.pad(np.cumsum(np.cumsum(usable, 0, dtype=np.int64), 1), ((1, 0), (1, 0)))
    full = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    corners = near[: height - side + 1, : width - side + 1] * (full >= 0.995 * side * side)
    cumulative = np.cumsum(corners, dtype=np.float64)
    if cumulative.size == 0 or cumulative[-1] <= 0.0:
        return np.zeros((0, 2), np.intp)
    flat = np.searchsorted(cumulative, rng.random(6 * TRIES) * cumulative[-1], side="right")
    return np.stack(np.unravel_index(np.minimum(flat, corners.size - 1), corners.shape), -1)


def fill(
    rgb: FloatArray, hole: BoolArray, usable: BoolArray, beside: BoolArray, side: int, rng: np.random.Generator
) -> FloatArray:
    """The picture [H, W, 3] with patches of ``side`` pixels over the hole, from the usable ground near it.

    beside: ground that the hole has to match in tone where it meets it. Each patch is the one of many that agrees best
    with what lies there already; its edge is ragged, not straight. Where nothing is usable the hole takes the smooth
    colours of its surroundings.
    """
    usable, beside = usable & ~hole, beside & ~hole
    known = beside if beside.any() else ~hole
    base = membrane(rgb, known.astype(np.float32), 0.5 * side)
    distance = ndimage.distance_transform_edt(~hole).astype(np.float32)
    near = np.exp(-distance / (4.0 * side)) + 1e-4
    for size in (side, (2 * side) // 3, side // 2, side // 3):
        corners = _sources(usable, near.astype(np.float32), max(size, 4), rng)
        if len(np.unique(corners, axis=0)) >= TRIES:
            return _quilt(rgb, hole, base, corners, max(size, 4), rng)
    return np.where(hole[..., None], base, rgb).astype(np.float32)


def _quilt(
    rgb: FloatArray, hole: BoolArray, base: FloatArray, corners: NDArray[np.intp], side: int, rng: np.random.Generator
) -> FloatArray:
    height, width = hole.shape
    done = ~hole
    image = np.where(done[..., None], rgb, base).astype(np.float32)
    ramp = np.minimum(np.arange(side) + 0.5, side - np.arange(side) - 0.5) / side
    rise = np.minimum(ramp[:, None], ramp[None, :]).astype(np.float32)
    low = blur(rgb, 0.5 * side)
    step = max(2, side // 2)
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    starts = [
        (r, c)
        for r in range(rows[0] - step, rows[-1] + 1, step)
        for c in range(columns[0] - step, columns[-1] + 1, step)
    ]
    # From the rim inwards, so that every patch has something to agree with.
    inner = ndimage.distance_transform_edt(hole)
    order = sorted(
        starts, key=lambda s: inner[min(max(s[0] + step, 0), height - 1), min(max(s[1] + step, 0), width - 1)]
    )
    uses = np.zeros(len(corners))
    for r, c in order:
        top, left = min(max(r, 0), height - side), min(max(c, 0), width - side)
        place = (slice(top, top + side), slice(left, left + side))
        if not hole[place].any():
            continue
        tried = rng.integers(0, len(corners), TRIES)
        own = image[place]
        weight = np.where(done[place], 1.0, 0.08)[..., None]
        patches = [rgb[y : y + side, x : x + side] for y, x in corners[tried]]
        costs = np.array([float((weight * (patch - own) ** 2).sum()) for patch in patches])
        spread = np.array([float(patch.std()) for patch in patches])
        # Plain ground rather than the one wall or bush that it holds; and the eye finds a patch that comes back.
        best = int(np.argmin(costs * (1.0 + uses[tried]) * (spread / max(float(np.median(spread)), 1e-6)) ** 2))
        y, x = corners[tried[best]]
        uses += np.abs(corners - (y, x)).max(-1) < 0.6 * side
        tone = base[place].mean((0, 1)) - low[min(y + step, height - 1), min(x + step, width - 1)]
        patch = patches[best] + 0.95 * tone
        ragged = rise + 0.05 * value_noise((side, side), max(2.0, side / 5.0), rng)
        alpha = np.where(done[place], smoothstep(ragged, 0.05, 0.36), 1.0) * hole[place]
        image[place] += alpha[..., None] * (patch - own)
        done[place] |= hole[place]
    return image
