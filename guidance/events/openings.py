"""Where openings in a surface lie, and their torn outlines: of holes in a deck, of craters in the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise import fractal_noise
from .objects import Target, scatter

FloatArray = NDArray[np.float32]
Place = tuple[float, float, float]
"""Row, column and radius of an opening, in pixels."""


def profile(angles: FloatArray, waves: int, rng: np.random.Generator) -> FloatArray:
    """Smooth random function of the angle, mean 0, deviation near 1."""
    weights = np.arange(1, waves + 1) ** -0.7
    terms = (w * np.cos(k * angles + rng.uniform(0.0, 2 * np.pi)) for k, w in enumerate(weights, start=1))
    return np.asarray(sum(terms) / np.sqrt(0.5 * np.sum(weights**2)), np.float32)


@dataclass(frozen=True)
class Opening:
    """distance: [h, w] pixels inside its outline, about; negative outside. angles: every pixel's direction from it."""

    distance: FloatArray
    angles: FloatArray
    radius: float

    @property
    def way(self) -> FloatArray:
        """Every pixel's distance from the middle in radii, about: 1 on the outline."""
        return np.asarray(1.0 - self.distance / self.radius, np.float32)

    @classmethod
    def torn(cls, shape: tuple[int, int], at: Place, rng: np.random.Generator) -> Opening:
        """An opening longer than wide, with notches where the surface tore."""
        row, column, radius = at
        rows, columns = np.indices(shape, dtype=np.float32)
        turn, stretch = float(rng.uniform(0.0, np.pi)), float(rng.uniform(1.0, 1.4))
        y, x = rows - np.float32(row), columns - np.float32(column)
        u = (x * np.cos(turn) + y * np.sin(turn)) / np.float32(stretch)
        v = (y * np.cos(turn) - x * np.sin(turn)) * np.float32(stretch)
        angles = np.arctan2(v, u).astype(np.float32)
        # Plates tear along a few lines: long notches between bent tongues, not a wavy circle.
        tears = np.maximum(profile(angles, 9, rng), -0.4)
        outline = radius * (0.88 + 0.2 * profile(angles, 4, rng) + 0.22 * tears)
        distance = np.maximum(outline, 0.35 * radius) - np.hypot(u, v)
        distance += 0.22 * radius * (fractal_noise(shape, max(1.5, 0.5 * radius), rng, octaves=3) - 0.5)
        return cls(distance.astype(np.float32), angles, radius)

    @classmethod
    def round(cls, shape: tuple[int, int], at: Place, rng: np.random.Generator) -> Opening:
        """An opening that is nearly a circle, as earth falls away."""
        row, column, radius = at
        rows, columns = np.indices(shape, dtype=np.float32)
        y, x = rows - np.float32(row), columns - np.float32(column)
        angles = np.arctan2(y, x).astype(np.float32)
        outline = radius * (1.0 + 0.07 * profile(angles, 5, rng))
        distance = outline - np.hypot(y, x)
        distance += 0.14 * radius * (fractal_noise(shape, max(1.5, 0.5 * radius), rng, octaves=4) - 0.5)
        return cls(distance.astype(np.float32), angles, radius)


def room_in(surface: Target, softness: float) -> FloatArray:
    """Pixels from each place to the outline of a surface [H, W], less what the blur takes."""
    return np.asarray(np.maximum(surface.depth - 0.5 * (1.0 + softness), 0.0), np.float32)


def window_about(at: Place, reach: float) -> tuple[tuple[slice, slice], Place]:
    """The part of a picture within ``reach`` radii of an opening, and where the opening lies in it."""
    row, column, radius = at
    margin = int(np.ceil(reach * radius)) + 4
    top, left = max(0, int(row) - margin), max(0, int(column) - margin)
    window = (slice(top, int(row) + margin + 1), slice(left, int(column) + margin + 1))
    return window, (row - top, column - left, radius)


def lay_out(surface: Target, softness: float, largest: float, wanted: int, rng: np.random.Generator) -> list[Place]:
    """Openings: one large, the others much smaller and of any distance to it.

    largest: radius in pixels of the largest, if there is room for it. wanted: how many at most.
    """
    room = room_in(surface, softness)
    widest = float(room[surface.mask].max())
    largest = min(largest, max(1.4, 0.7 * widest))
    placed: list[Place] = []
    likely = np.where(surface.mask, room**2, 0.0).astype(np.float32)
    places = scatter(likely, 40 * wanted, rng)
    first = np.flatnonzero(room[tuple(places.T)] >= 0.7 * widest)[:1]  # the large one comes where there is room for it
    for row, column in [*places[first], *places]:
        size = float(rng.uniform(0.3, 0.7) if placed else rng.uniform(0.85, 1.0))
        radius = min(largest * size, 0.7 * float(room[row, column]))
        far = all(np.hypot(row - r, column - c) > 1.05 * (radius + other) for r, c, other in placed)
        if radius > (0.3 if placed else 0.5) * largest and far:
            placed.append((float(row), float(column), radius))
        if len(placed) == wanted:
            break
    return placed
