"""An opening torn into a roof: its straight outline, the rooms below it and the rafters across it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .noise import blur, fractal_noise, mix, shift, smoothstep
from .roofs import LUMINANCE, Daylight, Roof

FloatArray = NDArray[np.float32]

WOOD = np.array([0.53, 0.48, 0.42], np.float32)
PLASTER = np.array([0.70, 0.68, 0.64], np.float32)
FLOOR = np.array([0.41, 0.385, 0.36], np.float32)
PAPER = np.array([0.40, 0.39, 0.38], np.float32)


def rafter_pitch(roof: Roof) -> float:
    """Pixels from rafter to rafter. Real ones are closer than a pixel or two; those could not be seen."""
    return max(5.0, roof.size / 17.0)


def bare_wood(roof: Roof, light: Daylight, level: float) -> FloatArray:
    """Colour [3] of weathered wood, no more colourful than the rest of the scene lets it look."""
    wood = light.lit(WOOD, level)
    grey = np.float32(wood @ LUMINANCE) * roof.tone / max(float(roof.tone @ LUMINANCE), 1e-3)
    return np.asarray(0.65 * wood + 0.35 * np.clip(grey, 0.0, 1.0), np.float32)


def torn_line(position: FloatArray, pitch: float, amount: float, rng: np.random.Generator) -> FloatArray:
    """How far a torn edge is off its line at every position along it: straight runs with steps at the rafters."""
    steps = rng.standard_normal(128) * amount
    held = rng.random(128) < 0.6
    for index in range(1, 128):
        if held[index]:
            steps[index] = steps[index - 1]
    slant = rng.normal(0.0, 0.12, 128)
    at = position / pitch
    run = np.clip(np.floor(at).astype(np.int64) + 64, 0, 127)
    splinters = np.interp(position.ravel(), np.arange(-256, 256) * 0.4 * pitch, rng.normal(0.0, 0.08 * amount, 512))
    return np.asarray(steps[run] + slant[run] * (at - np.floor(at)) * pitch + splinters.reshape(at.shape), np.float32)


def _rectangle(
    roof: Roof, centre: tuple[float, float], half: tuple[float, float], rng: np.random.Generator
) -> FloatArray:
    """[H, W]: 1 on the outline of a torn rectangle in the roof's frame, growing outwards from 0 in its middle."""
    u, v = roof.u - np.float32(centre[0]), roof.v - np.float32(centre[1])
    pitch, amount = rafter_pitch(roof), 0.09 * min(half)
    ends = np.where(u > 0.0, torn_line(v, pitch, amount, rng), torn_line(v, pitch, amount, rng))
    sides = np.where(v > 0.0, torn_line(u, pitch, amount, rng), torn_line(u, pitch, amount, rng))
    return np.asarray(np.maximum(np.abs(u + ends) / half[0], np.abs(v + sides) / half[1]), np.float32)


def opening(roof: Roof, share: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """An opening of ``share`` of the roof: (0…1 where it is, its order field: 1 on its outline, less inside).

    A few torn rectangles along ridge and eaves; it stops where the roof plane does, as the tone of the roof tells.
    """
    slender = float(rng.uniform(0.5, 0.8))
    half = 0.5 * roof.size * np.sqrt(share / slender) * np.array([1.0, slender])
    order = _rectangle(roof, (0.0, 0.0), (float(half[0]), float(half[1])), rng)
    for _ in range(2):
        side = rng.choice((-1.0, 1.0), 2)
        centre = side * half * rng.uniform(0.45, 0.9, 2)
        part = half * rng.uniform(0.45, 0.75, 2)
        order = np.minimum(order, _rectangle(roof, tuple(centre), (float(part[0]), float(part[1])), rng))
    order = order * (1.0 + (1.3 - share) * (1.0 - roof.alike))
    limit = max(float(np.quantile(order[roof.mask], share)), 1e-3)
    order = np.where(roof.mask, order / limit, np.float32(9.0)).astype(np.float32)
    gone = blur((order < 1.0).astype(np.float32), 0.5)
    return gone, order


def interior(roof: Roof, gone: FloatArray, light: Daylight, rng: np.random.Generator) -> FloatArray:
    """The rooms under the roof [H, W, 3]: dark along the sunward edge, faint walls and floors further in."""
    size = roof.size
    brightness = min(light.level(roof.tone), 0.6)
    colour = light.lit(FLOOR, 0.09 + 0.27 * brightness)
    shade = 0.8 + 0.4 * fractal_noise(roof.shape, max(3.0, 0.16 * size), rng, octaves=3)
    walls = np.zeros(roof.shape, np.float32)
    rooms = []
    for axis in (roof.u, roof.v):
        places = np.cumsum(rng.uniform(0.22, 0.42, 16)) * size - 2.4 * size + rng.uniform(0, 0.3) * size
        rooms.append(np.searchsorted(places, axis.ravel()).reshape(roof.shape))
        for place in places:
            walls = np.maximum(walls, np.clip(max(0.7, 0.011 * size) + 0.5 - np.abs(axis - place), 0.0, 1.0))
    shade = shade * rng.uniform(0.65, 1.4, (17, 17)).astype(np.float32)[rooms[0], rooms[1]]
    walls *= smoothstep(fractal_noise(roof.shape, 0.25 * size, rng, octaves=2), 0.35, 0.5)
    dy, dx = light.fall
    beside = shift(walls.astype(np.float32), 0.03 * size * dy, 0.03 * size * dx)
    shade = shade * (1.0 - 0.4 * np.clip(beside - walls, 0.0, 1.0))
    image = mix(colour * shade[..., None], light.lit(PLASTER, 0.18 + 0.45 * brightness), 0.7 * walls)
    heap = smoothstep(fractal_noise(roof.shape, 0.22 * size, rng, octaves=5), 0.54, 0.72)
    rubble = 0.5 * roof.tone * (light.dark / max(light.bright, 1e-3) + 0.6) + 0.5 * colour
    image = mix(
        image, rubble * (0.6 + 0.8 * fractal_noise(roof.shape, 0.05 * size + 1.0, rng, 3))[..., None], 0.5 * heap
    )
    depth = np.maximum(sunless(roof, gone, light, 0.18), 0.85 * sunless(roof, gone, light, 0.06))
    return mix(image, light.lit(FLOOR, 0.0), 0.92 * smoothstep(depth, 0.0, 0.6))


def sunless(roof: Roof, gone: FloatArray, light: Daylight, depth: float) -> FloatArray:
    """0…1: in the shadow of what still stands sunwards, ``depth`` sizes above; strongest close to it."""
    standing = (roof.mask * (1.0 - gone)).astype(np.float32)
    dy, dx = light.fall
    steps = np.linspace(0.0, depth, 7)[1:] * roof.size
    return np.asarray(np.mean([shift(standing, float(d * dy), float(d * dx)) for d in steps], axis=0), np.float32)


def rafters(roof: Roof, gone: FloatArray, rng: np.random.Generator) -> FloatArray:
    """0…1: straight rafters from the ridge to the eave across a part of the opening; some are broken off."""
    inside = gone > 0.5
    if not inside.any():
        return np.zeros(roof.shape, np.float32)
    pitch = rafter_pitch(roof)
    low, high = (float(q) for q in np.quantile(roof.v[inside], (0.02, 0.98)))
    first, last = (float(q) for q in np.quantile(roof.u[inside], (0.0, 1.0)))
    begin = first + float(rng.uniform(-0.1, 0.45)) * (last - first)
    end = begin + float(rng.uniform(0.5, 0.75)) * (last - first)
    index = np.clip(np.round(roof.u / pitch).astype(np.int64) + 64, 0, 127)
    place = (np.arange(128) - 64 + rng.normal(0.0, 0.05, 128)) * pitch
    lean = rng.normal(0.0, 0.012, 128)
    reach = np.where(rng.random(128) < 0.35, 2.0, rng.uniform(0.2, 0.95, 128)) * (high - low)
    reach = np.where((place < begin) | (place > end), 0.0, reach).astype(np.float32)
    from_ridge = roof.v - low if rng.random() < 0.5 else high - roof.v
    across = np.abs(roof.u - place[index] - lean[index] * roof.v)
    thick = max(0.55, 0.009 * roof.size)
    beams = np.clip(thick + 0.5 - across, 0.0, 1.0) * np.clip(0.5 + reach[index] - from_ridge, 0.0, 1.0)
    return np.asarray(beams * gone, np.float32)
