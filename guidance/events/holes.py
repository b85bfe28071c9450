"""Holes: sharp-edged openings torn in a deck or a roof, dark inside, with bent rims, soot and rust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Drawing
from .noise import blur, finish, fractal_noise, mix, sensor_noise, shift, smoothstep
from .objects import Target, find_target, scatter
from .scene import Scene

FloatArray = NDArray[np.float32]

RUST = np.array([0.45, 0.27, 0.15], np.float32)


def _opening(shape: tuple[int, int], row: float, column: float, radius: float, rng: np.random.Generator) -> FloatArray:
    """One torn opening: signed distance in pixels [H, W], positive inside a polygon of random corners."""
    corners = int(rng.integers(9, 15))
    angles = (np.arange(corners) + rng.uniform(-0.4, 0.4, corners)) * 2 * np.pi / corners
    stretch, turn = float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.0, np.pi))
    radii = radius * rng.uniform(0.78, 1.15, corners) * np.where(rng.random(corners) < 0.2, 0.72, 1.0)
    u, v = radii * np.cos(angles), stretch * radii * np.sin(angles)
    xs = column + u * np.cos(turn) - v * np.sin(turn)
    ys = row + u * np.sin(turn) + v * np.cos(turn)
    rows, columns = np.indices(shape, dtype=np.float32)
    squared = np.full(shape, np.inf, np.float32)
    within = np.zeros(shape, bool)
    for y0, x0, y1, x1 in zip(ys, xs, np.roll(ys, -1), np.roll(xs, -1), strict=True):
        y, x, dy, dx = rows - y0, columns - x0, y1 - y0, x1 - x0
        t = np.clip((y * dy + x * dx) / (dy * dy + dx * dx + 1e-9), 0.0, 1.0)
        squared = np.minimum(squared, (y - t * dy) ** 2 + (x - t * dx) ** 2)
        crosses = (rows < y0) != (rows < y1)
        within ^= crosses & (x < y * dx / (dy if dy else 1e-9))
    return np.asarray(np.where(within, np.sqrt(squared), -np.sqrt(squared)), np.float32)


def _layout(
    surface: Target, softness: float, severity: float, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Rows, columns and radii of the holes: a few large ones, kept apart, sized to the object's width."""
    room = np.maximum(surface.depth - 1.0 - softness, 0.0)  # the object's own edge is as soft as the picture
    widest = float(room[surface.mask].max())
    largest = max(1.4, widest * (0.22 + 0.42 * severity))
    wanted = 2 + round(3.0 * severity)
    placed: list[tuple[float, float, float]] = []
    likely = np.where(surface.mask, room**2, 0.0).astype(np.float32)
    for row, column in scatter(likely, 40 * wanted, rng):
        radius = largest * float(rng.uniform(0.55, 1.0)) * (1.0 if not placed else 0.9)
        radius = min(radius, 0.85 * float(room[row, column]))
        far = all(np.hypot(row - r, column - c) > 1.25 * (radius + other) for r, c, other in placed)
        if radius > 0.4 * largest and far:
            placed.append((float(row), float(column), radius))
        if len(placed) == wanted:
            break
    return placed


def _tear_open(
    image: FloatArray,
    distance: FloatArray,
    inside: FloatArray,
    *,
    frames: FloatArray,
    radius: float,
    own: FloatArray,
    light: FloatArray,
    sun: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """One hole on a window of the picture: the new window [h, w, 3] and how much of it changed [h, w].

    distance: signed, positive in the hole. inside: the object. frames: 0…1, beams below. own: its colour [3].
    """
    shape, (dy, dx) = (image.shape[0], image.shape[1]), sun
    light = light / float(light.max())
    hole = np.clip(distance + 0.5, 0.0, 1.0).astype(np.float32) * inside
    # Soot and rust around, in patches.
    patches = smoothstep(fractal_noise(shape, 0.9 * radius, rng, octaves=4), 0.25, 0.75)
    stain = smoothstep(distance, -1.5 * radius, 0.0) ** 2 * patches * inside
    tint = mix(image * 0.35, image * RUST / float(RUST.max()), fractal_noise(shape, radius, rng))
    result = mix(image, tint, 0.62 * stain)
    # Bent plates: a bright lip toward the light, its shadow on the far side.
    edge = max(0.8, 0.13 * radius)
    ragged = smoothstep(fractal_noise(shape, max(1.5, 0.45 * radius), rng, octaves=3), 0.38, 0.58)
    lip = np.clip(1.0 - np.abs(distance + 0.5 * edge) / edge, 0.0, 1.0) * inside * ragged * (1.0 - hole)
    gy, gx = np.gradient(blur(distance, 0.7))
    facing = (gy * dy + gx * dx) / np.maximum(np.hypot(gy, gx), 1e-6)
    fall = shift(lip.astype(np.float32), dy * 1.5 * edge, dx * 1.5 * edge) * inside * (1.0 - hole)
    result = mix(result, result * 0.45, 0.8 * fall)
    metal = np.minimum(result * 1.25 + 0.16 * light, 1.0) * np.clip(0.75 - 0.5 * facing, 0.3, 1.2)[..., None]
    result = mix(result, metal, lip)
    # Inside: the wall the light falls on is seen, the rest is deep shade with a hint of frames.
    wall = smoothstep(distance, 0.5 * radius, 0.0) * smoothstep(-facing, -0.1, 0.7)
    shade = (0.035 + 0.05 * frames * smoothstep(distance, 0.0, 0.6 * radius))[..., None] * light
    lit = (0.42 * own + 0.10 * RUST) * (0.7 + 0.6 * fractal_noise(shape, 0.4 * radius, rng))[..., None]
    result = mix(result, mix(shade, lit, 0.75 * wall), hole)
    return result, np.asarray(np.maximum.reduce([hole, lip, 0.7 * fall, 0.62 * stain]), np.float32)


@dataclass(frozen=True)
class Holes:
    name: str = "holes"
    phrases: tuple[str, ...] = (
        "big holes on deck",
        "holes in the deck of the ship",
        "the ship has a hole",
        "a hole in the hull",
        "holes in the roof",
        "the deck is punctured",
        "torn open metal plates",
        "bomb holes in the ship",
        "large openings blown into the roof",
        "craters in the runway",
        "the tank has holes",
        "shell holes",
    )
    typical_share: float = 0.02
    local: bool = True

    def suitability(self, scene: Scene) -> FloatArray:
        return np.asarray(np.maximum(scene.roofs, 0.35 * scene.built * (1.0 - scene.water)), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        surface = find_target(scene, area, rng)
        image, cover = scene.rgb.copy(), np.zeros(scene.shape, np.float32)
        if not surface.mask.any():
            return Drawing(image, cover)
        inside = surface.mask.astype(np.float32) * (area > 0.0)
        own = np.median(scene.rgb[surface.mask], axis=0)
        for row, column, radius in _layout(surface, scene.softness, severity, rng):
            reach = int(np.ceil(3.0 * radius)) + 4
            top, left = max(0, int(row) - reach), max(0, int(column) - reach)
            window = (slice(top, int(row) + reach + 1), slice(left, int(column) + reach + 1))
            distance = _opening(inside[window].shape, row - top, column - left, radius, rng)
            frames = 0.5 + 0.5 * np.cos(2 * np.pi * surface.along[window] / max(3.0, 0.5 * radius))
            image[window], changed = _tear_open(
                image[window],
                distance,
                inside[window],
                frames=frames,
                radius=radius,
                own=own,
                light=scene.light,
                sun=scene.sun,
                rng=rng,
            )
            np.maximum(cover[window], changed, out=cover[window])
        image = image + (sensor_noise(scene, rng) * np.clip(cover, 0.0, 1.0))[..., None]
        return finish(scene, image, cover, area)


HOLES = Holes()
