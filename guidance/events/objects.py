"""The object an event acts on (a roof, a tank top, a deck), and loose pieces with their shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import pick_point
from .regions import largest_part, object_within
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_LEAST_OF_REGION = 0.05
"""Share of a region that the object must have that it was drawn around."""


@dataclass(frozen=True)
class Target:
    """An object with its own axes.

    mask: bool [H, W]. size: side in pixels of a square as large. along, across: float32 [H, W], pixels from
    its middle, along its straightest edges and across them. depth: float32 [H, W], pixels inside its outline.
    """

    mask: BoolArray
    size: float
    along: FloatArray
    across: FloatArray
    depth: FloatArray


def find_target(scene: Scene, area: FloatArray, rng: np.random.Generator) -> Target:
    """The object inside a region of interest; in a whole scene, one of its roofs or decks at random.

    Where the scene has a subject, one part of that.
    """
    if scene.subject is not None or np.mean(area > 0.0) > 0.7:
        objects = scene.roofs if scene.subject is None else scene.subject
        parts, count = ndimage.label(ndimage.binary_opening((objects > 0.5) & (area > 0.0)))
        if count:
            sizes = np.bincount(parts.ravel()).astype(np.float32)
            sizes[0] = 0.0
            weight = np.where(sizes > 0.25 * sizes.max(), sizes, 0.0)
            chosen = int(np.searchsorted(np.cumsum(weight), rng.random() * float(weight.sum()), side="right"))
            return target_of(scene, np.asarray(parts == chosen))
        likely = np.where(area > 0.0, scene.bare + 0.5 * scene.built + 0.05, 0.0).astype(np.float32)
        row, column = pick_point(likely, rng)
        side = 0.16 * scene.short_side
        rows, columns = np.indices(scene.shape)
        near = (np.abs(rows - row) < side) & (np.abs(columns - column) < side) & (area > 0.0)
        return target_of(scene, np.asarray(near))
    return target_of(scene, marked_object(scene, area))


def marked_object(scene: Scene, area: FloatArray) -> BoolArray:
    """What a region [H, W] was drawn around, bool [H, W]: something on land, or on water something else than water."""
    if not (area > 0.0).any():
        return np.zeros(scene.shape, bool)
    afloat = float(np.mean(scene.water[area > 0.0])) > 0.3
    unlikely = scene.water if afloat else np.maximum(0.85 * scene.vegetation, scene.water)
    found = object_within(scene.rgb, area, unlikely)
    if np.count_nonzero(found) < _LEAST_OF_REGION * np.count_nonzero(area > 0.0):
        # A region is drawn around something: a deck that is as green as grass.
        found = object_within(scene.rgb, area, np.zeros_like(unlikely))
    return found


def target_of(scene: Scene, mask: BoolArray) -> Target:
    """Measure an object, which may be empty: its axes are those of the edges in it and of its outline."""
    mask = largest_part(mask)
    size = max(2.0, float(np.sqrt(np.count_nonzero(mask))))
    outline = ndimage.gaussian_filter(mask.astype(np.float32), 1.0)
    picture = 0.5 * ndimage.gaussian_filter(scene.luminance, 1.0) + 0.5 * outline
    gy, gx = np.gradient(picture)
    near = ndimage.binary_dilation(mask, iterations=2)
    # Directions modulo 90 degrees: both walls of a rectangle vote for the same axes.
    turn = np.exp(4j * np.arctan2(gy[near], gx[near])) * (gy[near] ** 2 + gx[near] ** 2)
    angle = float(np.angle(turn.sum()) / 4) if turn.size else 0.0
    rows, columns = np.indices(scene.shape, dtype=np.float32)
    inside = mask if mask.any() else np.ones(scene.shape, bool)
    y, x = rows - rows[inside].mean(), columns - columns[inside].mean()
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    if mask.any() and np.ptp(along[mask]) < np.ptp(across[mask]):
        along, across = across, -along
    depth = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    return Target(mask, size, along.astype(np.float32), across.astype(np.float32), depth.astype(np.float32))


def scatter(density: FloatArray, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """``count`` random pixels (row, column), drawn in proportion to ``density`` [H, W]. int [N, 2]."""
    cumulative = np.cumsum(density, dtype=np.float64)
    if count <= 0 or cumulative[-1] <= 0.0:
        return np.zeros((0, 2), np.intp)
    flat = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    return np.stack(np.unravel_index(np.minimum(flat, density.size - 1), density.shape), axis=-1)


@dataclass(frozen=True)
class Pieces:
    """Flat pieces: places int [N, 2] (row, column), colours [N, 3], lengths [N], width by length [N]."""

    places: NDArray[np.intp]
    colours: NDArray[np.floating]
    lengths: NDArray[np.floating]
    slenderness: NDArray[np.floating]


def _piece(y: FloatArray, x: FloatArray, *, angle: float, length: float, thin: float, skew: float) -> FloatArray:
    """A broken piece, an oblique quadrilateral about the origin of y [h, 1] and x [1, w]: [h, w] in 0…1."""
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    half = 0.5 * length * thin * (1.0 + skew * u / max(length, 1.0))
    outside = np.maximum(np.abs(u + skew * v) - 0.5 * length, np.abs(v) - half)
    return np.asarray(np.clip(0.5 - outside, 0.0, 1.0), np.float32)


def lay_pieces(
    image: FloatArray,
    cover: FloatArray,
    pieces: Pieces,
    shadow: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Lay pieces at random angles on ``image`` [H, W, 3] and mark them in ``cover`` [H, W], both in place.

    shadow: (dy, dx) in pixels, where the shadow of a piece falls. Edges are antialiased over one pixel.
    """
    height, width = cover.shape
    colours = np.clip(pieces.colours, 0.02, 1.0).astype(np.float32)
    for index, (row, column) in enumerate(pieces.places.tolist()):
        length, thin = float(pieces.lengths[index]), float(pieces.slenderness[index])
        angle, skew, tone = rng.uniform(0.0, np.pi), rng.uniform(-0.4, 0.4), rng.uniform(-0.1, 0.1)
        reach = int(np.ceil(0.75 * length + np.hypot(*shadow) + 1.5))
        top, bottom = max(0, row - reach), min(height, row + reach + 1)
        left, right = max(0, column - reach), min(width, column + reach + 1)
        y = np.arange(top, bottom, dtype=np.float32)[:, None] - row
        x = np.arange(left, right, dtype=np.float32)[None, :] - column
        window = (slice(top, bottom), slice(left, right))
        dark = _piece(
            y - np.float32(shadow[0]),
            x - np.float32(shadow[1]),
            angle=angle,
            length=length,
            thin=thin,
            skew=skew,
        )
        body = _piece(y, x, angle=angle, length=length, thin=thin, skew=skew)
        patch = image[window] * (1.0 - 0.6 * dark)[..., None]
        slope = 1.0 + tone * np.clip((x * np.cos(angle) + y * np.sin(angle)) / max(length, 1.0), -1.0, 1.0)
        image[window] = patch + body[..., None] * (colours[index] * slope[..., None] - patch)
        cover[window] = np.maximum(cover[window], np.maximum(body, 0.6 * dark))
