"""Holes: ragged openings blown through a deck or a roof, a lit wall and shade below, buckled rims, soot to leeward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .likeness import DRAWN_SOFTNESS, black_level, edge_softness, finish, sensor_noise
from .noise import blur, fractal_noise, mix, random_direction, shift, smoothstep
from .objects import Target, find_target, scatter
from .scene import Scene

FloatArray = NDArray[np.float32]

RUST = np.array([0.45, 0.27, 0.15], np.float32)

_TORN = 0.3
"""How much softer a torn edge is in a soft picture than the sharpest edges of the object that it is in."""
_MOST_OF_SCENE = 0.075
"""Radius of the largest hole in short sides: a runway may be as wide as the picture."""


def _profile(angles: FloatArray, waves: int, rng: np.random.Generator) -> FloatArray:
    """Smooth random function of the angle, mean 0, deviation near 1."""
    weights = np.arange(1, waves + 1) ** -0.7
    terms = (w * np.cos(k * angles + rng.uniform(0.0, 2 * np.pi)) for k, w in enumerate(weights, start=1))
    return np.asarray(sum(terms) / np.sqrt(0.5 * np.sum(weights**2)), np.float32)


def _opening(
    shape: tuple[int, int], row: float, column: float, radius: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """One torn opening: its distance in pixels [H, W], positive inside, about, and every pixel's direction from it."""
    rows, columns = np.indices(shape, dtype=np.float32)
    turn, stretch = float(rng.uniform(0.0, np.pi)), float(rng.uniform(1.0, 1.4))
    y, x = rows - np.float32(row), columns - np.float32(column)
    u = (x * np.cos(turn) + y * np.sin(turn)) / np.float32(stretch)
    v = (y * np.cos(turn) - x * np.sin(turn)) * np.float32(stretch)
    angles = np.arctan2(v, u).astype(np.float32)
    # Plates tear along a few lines: long notches between bent tongues, not a wavy circle.
    tears = np.maximum(_profile(angles, 9, rng), -0.4)
    outline = radius * (0.88 + 0.2 * _profile(angles, 4, rng) + 0.22 * tears)
    distance = np.maximum(outline, 0.35 * radius) - np.hypot(u, v)
    distance += 0.22 * radius * (fractal_noise(shape, max(1.5, 0.5 * radius), rng, octaves=3) - 0.5)
    return distance.astype(np.float32), angles


def _layout(
    surface: Target, softness: float, severity: float, most: float, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Rows, columns and radii of the holes: one large, the others much smaller and of any distance to it.

    most: the largest radius in pixels.
    """
    room = np.maximum(surface.depth - 0.5 * (1.0 + softness), 0.0)
    widest = float(room[surface.mask].max())
    # What is smaller than the blur is a grey dot.
    largest = min(max(1.4, 2.2 * softness, widest * (0.34 + 0.42 * severity)), max(1.4, 0.7 * widest), most)
    wanted = 2 + round(3.0 * severity)
    placed: list[tuple[float, float, float]] = []
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


@dataclass(frozen=True)
class _Light:
    """What one scene lends to its holes: sun (dy, dx), the wind's direction, shade [3], the object's colour [3]."""

    sun: tuple[float, float]
    wind: tuple[float, float]
    shade: FloatArray
    own: FloatArray


def _shade(scene: Scene, own: FloatArray) -> FloatArray:
    """Colour [3] of the dark in an object of colour ``own``: as dark as the scene's darkest, which at sea is sea."""
    return np.asarray(float(black_level(scene).mean()) * own / max(float(own.mean()), 0.05), np.float32)


def _tear_open(
    image: FloatArray, at: tuple[float, float, float], inside: FloatArray, light: _Light, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """One hole on a window of the picture: the new window [h, w, 3] and how much of it changed [h, w].

    at: row, column and radius. inside: the object.
    """
    row, column, radius = at
    shape, (dy, dx) = (image.shape[0], image.shape[1]), light.sun
    distance, angles = _opening(shape, row, column, radius, rng)
    hole = np.clip(distance + 0.5, 0.0, 1.0) * inside
    rows, columns = np.indices(shape, dtype=np.float32)
    y, x = rows - np.float32(row), columns - np.float32(column)

    # Soot that the wind took along, thinner with the way, and a scorched rim.
    along, across = y * light.wind[0] + x * light.wind[1], y * light.wind[1] - x * light.wind[0]
    reach = 1.0 + np.clip(along, 0.0, None) / (2.2 * radius)
    plume = np.exp(-0.5 * (across / (0.75 * radius * reach)) ** 2) * smoothstep(along, -1.2 * radius, 0.4 * radius)
    plume *= smoothstep(along, 3.6 * radius, 0.6 * radius) / reach
    scorch = 0.7 * smoothstep(distance, -1.2 * radius, 0.0) ** 2
    patches = smoothstep(fractal_noise(shape, 0.7 * radius, rng, octaves=4), 0.3, 0.7)
    stain = np.clip(np.maximum(plume, scorch) * (0.35 + 0.85 * patches), 0.0, 1.0) * inside
    burnt = mix(image * (0.5 + 0.15 * RUST / float(RUST.max())), light.shade, 0.45)
    result = mix(image, burnt, 0.85 * stain)

    # Plates bent up around it: the slope toward the sun is lit, the other one dim, and it throws a shadow.
    facing = (y * dy + x * dx) / np.maximum(np.hypot(y, x), 0.5)
    tongues = np.clip(0.55 + 0.6 * _profile(angles, 5, rng), 0.0, 1.0)
    rim = smoothstep(distance, -0.5 * radius, -0.05 * radius) * tongues * inside * (1.0 - hole)
    fall = shift(rim.astype(np.float32), 0.4 * radius * dy, 0.4 * radius * dx) * np.clip(facing, 0.0, 1.0)
    fall = fall * inside * (1.0 - hole)
    relief = np.clip(1.0 - 0.38 * rim * facing - 0.35 * fall, 0.4, 1.25)
    result = np.minimum(result * relief[..., None], 1.0)

    # Below: sunlight comes through the opening and strikes the wall and what lies there on the far side.
    deep = float(rng.uniform(0.55, 0.85)) * radius
    through = shift(np.clip(distance / max(1.0, 0.25 * radius) + 0.3, 0.0, 1.0), deep * dy, deep * dx)
    rubble = fractal_noise(shape, max(1.5, 0.4 * radius), rng, octaves=3)[..., None]
    below = mix(light.shade, light.own * (0.75 + 0.25 * RUST / float(RUST.max())), 0.5 * through)
    result = mix(result, below * (0.75 + 0.5 * rubble), hole)
    result = np.maximum(result, np.minimum(light.shade, image))
    changed = np.maximum.reduce([hole, np.abs(relief - 1.0) * 1.5, 0.8 * stain])
    return result, np.asarray(np.clip(changed, 0.0, 1.0), np.float32)


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
        if scene.subject is not None:
            return scene.subject
        return np.asarray(np.maximum(scene.roofs, 0.35 * scene.built * (1.0 - scene.water)), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        surface = find_target(scene, area, rng)
        image, cover = scene.rgb.copy(), np.zeros(scene.shape, np.float32)
        if not surface.mask.any():
            return Drawing(image, cover)
        inside = surface.mask.astype(np.float32) * (area > 0.0)
        own = np.median(scene.rgb[surface.mask], axis=0)
        light = _Light(scene.sun, random_direction(rng), _shade(scene, own), own)
        around = ndimage.binary_dilation(surface.mask, iterations=2)
        torn = 1.0 + _TORN * float(smoothstep(np.float32(scene.softness), 0.5, 1.2))
        softness = max(scene.softness, torn * edge_softness(scene.luminance, around))
        for row, column, radius in _layout(surface, softness, severity, _MOST_OF_SCENE * scene.short_side, rng):
            reach = int(np.ceil(4.5 * radius)) + 4
            top, left = max(0, int(row) - reach), max(0, int(column) - reach)
            window = (slice(top, int(row) + reach + 1), slice(left, int(column) + reach + 1))
            at = (row - top, column - left, radius)
            image[window], changed = _tear_open(image[window], at, inside[window], light, rng)
            np.maximum(cover[window], changed, out=cover[window])
        extra = float(np.sqrt(max(0.0, softness**2 - max(scene.softness, DRAWN_SOFTNESS) ** 2)))
        image, cover = scene.rgb + blur(image - scene.rgb, extra), blur(cover, extra)
        image = image + (sensor_noise(scene, rng) * np.clip(cover, 0.0, 1.0))[..., None]
        return finish(scene, image, cover, area)


HOLES = Holes()
