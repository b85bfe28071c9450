"""Holes: ragged openings blown through a deck or a roof, a lit wall and shade below, buckled rims, soot to leeward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .likeness import DRAWN_SOFTNESS, black_level, edge_softness, finish, sensor_noise
from .noise import blur, fractal_noise, mix, random_direction, shift, smoothstep
from .objects import Target, find_target
from .openings import Opening, Place, lay_out, profile, room_in, window_about
from .scene import Scene

FloatArray = NDArray[np.float32]

RUST = np.array([0.45, 0.27, 0.15], np.float32)

_TORN = 0.3
"""How much softer a torn edge is in a soft picture than the sharpest edges of the object that it is in."""
_MOST_OF_SCENE = 0.075
"""Radius of the largest hole in short sides: a runway may be as wide as the picture."""


def _largest(surface: Target, softness: float, severity: float, short_side: int) -> float:
    """Radius in pixels of the largest hole: what is smaller than the blur is a grey dot."""
    widest = float(room_in(surface, softness)[surface.mask].max())
    return min(max(1.4, 2.2 * softness, widest * (0.34 + 0.42 * severity)), _MOST_OF_SCENE * short_side)


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
    image: FloatArray, at: Place, inside: FloatArray, light: _Light, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """One hole on a window of the picture: the new window [h, w, 3] and how much of it changed [h, w].

    inside: the object.
    """
    row, column, radius = at
    shape, (dy, dx) = (image.shape[0], image.shape[1]), light.sun
    opening = Opening.torn(shape, at, rng)
    distance = opening.distance
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
    tongues = np.clip(0.55 + 0.6 * profile(opening.angles, 5, rng), 0.0, 1.0)
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
        "a breach in the hull",
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
        largest = _largest(surface, softness, severity, scene.short_side)
        for place in lay_out(surface, softness, largest, 2 + round(3.0 * severity), rng):
            window, at = window_about(place, 4.5)
            image[window], changed = _tear_open(image[window], at, inside[window], light, rng)
            np.maximum(cover[window], changed, out=cover[window])
        extra = float(np.sqrt(max(0.0, softness**2 - max(scene.softness, DRAWN_SOFTNESS) ** 2)))
        image, cover = scene.rgb + blur(image - scene.rgb, extra), blur(cover, extra)
        image = image + (sensor_noise(scene, rng) * np.clip(cover, 0.0, 1.0))[..., None]
        return finish(scene, image, cover, area)


HOLES = Holes()
