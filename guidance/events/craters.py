"""Craters: pits in the ground with a raised rim, lit and shaded by the scene's sun, and earth thrown out around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Drawing
from .deforestation import soil_colour
from .likeness import finish, sensor_noise
from .noise import fractal_noise, mix, shift, smoothstep
from .objects import Pieces, lay_pieces, scatter, target_of
from .openings import Opening, lay_out, profile, window_about
from .scene import Scene

FloatArray = NDArray[np.float32]

_DEPTH, _RIM, _CLODS = 0.42, 0.13, 0.22
"""Depth of the bowl below the ground, height of the rim above it and of the clods, in radii."""
_ELEVATION = np.deg2rad(40.0)
"""Of the sun, where a picture does not tell."""
_LARGEST = 0.04, 0.09
"""Radius of the largest crater in short sides, at severity 0 and 1."""
_SHADOW_STEPS = 14


def _relief(opening: Opening, rough: FloatArray) -> FloatArray:
    """Height of the ground in pixels, [h, w]: a bowl inside the outline, a rim on it, and clods."""
    r, radius = opening.way, opening.radius
    # Steep where earth has just slid from the wall, flat where it came to lie.
    bowl = -_DEPTH * radius * smoothstep(r, 1.0, 0.3)
    rim = _RIM * radius * np.exp(-(((r - 1.05) / np.where(r < 1.05, 0.14, 0.35)) ** 2))
    clods = _CLODS * radius * (rough - 0.5) * smoothstep(r, 2.2, 1.0)
    return np.asarray(bowl + rim + clods, np.float32)


def _sunlight(height: FloatArray, falls: tuple[float, float], reach: float) -> FloatArray:
    """Light on a relief [h, w] relative to flat ground: slopes toward the sun brighter, what it does not reach dim.

    falls: unit (dy, dx), where shadows fall. reach: length in pixels of the longest shadow.
    """
    rise_y, rise_x = np.gradient(height)
    toward = (rise_y * falls[0] + rise_x * falls[1]) * np.cos(_ELEVATION) + np.sin(_ELEVATION)
    light = np.clip(toward / np.sqrt(1.0 + rise_y**2 + rise_x**2), 0.0, None) / np.sin(_ELEVATION)
    horizon = np.full(height.shape, -np.inf, np.float32)
    for way in np.linspace(0.0, reach, _SHADOW_STEPS + 1)[1:]:
        moved = shift(height, falls[0] * float(way), falls[1] * float(way))
        horizon = np.maximum(horizon, moved - np.float32(way * np.tan(_ELEVATION)))
    shaded = smoothstep(horizon - height, 0.0, 1.0)
    return np.asarray(0.35 + 0.65 * light * (1.0 - shaded), np.float32)


def _thrown_out(opening: Opening, rng: np.random.Generator) -> FloatArray:
    """How much earth lies on the ground around, 0…1 [h, w]: thick at the rim, further out in rays and clods."""
    r = opening.way
    rays = np.clip(0.5 + 0.55 * profile(opening.angles, 14, rng), 0.05, 1.3)
    clods = fractal_noise(r.shape, max(1.5, 0.3 * opening.radius), rng, octaves=4)
    cover = np.exp(-np.maximum(r - 1.0, 0.0) / (0.35 + 0.75 * rays)) * smoothstep(r, 3.4, 1.8)
    return np.asarray(np.where(r < 1.0, 1.0, smoothstep(cover + 0.8 * (clods - 0.5), 0.2, 0.75)), np.float32)


def _dig(
    image: FloatArray,
    opening: Opening,
    earth: FloatArray,
    falls: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """One crater on a window of the picture: the new window [h, w, 3] and how much of it changed [h, w].

    earth: its colour [3]. falls: unit (dy, dx), where shadows fall.
    """
    radius = opening.radius
    rough = fractal_noise(opening.distance.shape, max(1.5, 0.5 * radius), rng, octaves=5)
    light = _sunlight(_relief(opening, rough), falls, 1.6 * radius)
    thrown = _thrown_out(opening, rng)
    deep = smoothstep(opening.distance, -0.1 * radius, 0.8 * radius)
    soil = earth * (1.05 - 0.4 * deep + 0.5 * (rough - 0.5))[..., None]
    changed = np.maximum(thrown, np.clip(2.0 * np.abs(light - 1.0), 0.0, 1.0))
    return mix(image, mix(image, soil, thrown) * light[..., None], changed), changed


def _strew(
    image: FloatArray,
    cover: FloatArray,
    opening: Opening,
    surface: FloatArray,
    falls: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Pieces of the broken surface, of colour ``surface`` [3], around one crater, in place."""
    r, radius = opening.way, opening.radius
    # Thrown out on one side more than on the other.
    likely = np.exp(-(((r - 1.35) / 0.45) ** 2)) * np.clip(profile(opening.angles, 3, rng) + 0.3, 0.0, None)
    places = scatter(likely.astype(np.float32), int(np.clip(round(0.8 * radius), 3, 40)), rng)
    lengths = np.minimum(radius * rng.lognormal(-2.3, 0.5, len(places)), 0.3 * radius)
    colours = surface * rng.uniform(0.85, 1.2, (len(places), 1))
    pieces = Pieces(places, colours, lengths, rng.uniform(0.5, 0.95, len(places)))
    lay_pieces(image, cover, pieces, (0.05 * radius * falls[0], 0.05 * radius * falls[1]), rng)


@dataclass(frozen=True)
class Craters:
    name: str = "craters"
    phrases: tuple[str, ...] = (
        "craters in the runway",
        "bomb craters",
        "a crater in the ground",
        "a sinkhole in the road",
        "potholes in the street",
        "a huge hole in the ground",
        "shell craters in the field",
        "the ground has caved in",
        "impact craters",
        "pits in the ground with earth thrown out around them",
    )
    typical_share: float = 0.03
    local: bool = True

    def suitability(self, scene: Scene) -> FloatArray:
        """Open ground and paving; not roofs, woods or water."""
        if scene.subject is not None:
            return scene.subject
        open_ground = (1.0 - scene.roofs) * (1.0 - 0.9 * scene.trees) * (1.0 - scene.water)
        return np.asarray(open_ground, np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        suited = (area > 0.0) & (self.suitability(scene) > 0.5)
        ground = target_of(scene, suited if suited.any() else area > 0.0)
        image, cover = scene.rgb.copy(), np.zeros(scene.shape, np.float32)
        if not ground.mask.any():
            return Drawing(image, cover)
        # Dark paving looks like water: where the text says what the ground is, it is none.
        dry = 1.0 if scene.subject is not None else 1.0 - scene.water
        surface = np.median(scene.rgb[ground.mask], axis=0)
        # Under paving and grass there is earth, under sand and soil the same.
        earth = mix(soil_colour(scene, rng), 0.92 * surface, 0.8 * float(scene.bare[ground.mask].mean()))
        largest = (_LARGEST[0] + (_LARGEST[1] - _LARGEST[0]) * severity) * scene.short_side
        for place in lay_out(ground, scene.softness, largest, 2 + round(3.0 * severity), rng):
            window, at = window_about(place, 3.5)
            opening = Opening.round(cover[window].shape, at, rng)
            image[window], changed = _dig(image[window], opening, earth, scene.sun, rng)
            np.maximum(cover[window], changed, out=cover[window])
            _strew(image[window], cover[window], opening, surface, scene.sun, rng)
        image = image + (sensor_noise(scene, rng) * cover)[..., None]
        return finish(scene, np.asarray(image, np.float32), np.asarray(cover * dry, np.float32), area)


CRATERS = Craters()
