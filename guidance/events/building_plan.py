"""Where new buildings stand: on open ground, in line with the scene, along a lane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .building_shapes import Building, footprint
from .likeness import black_level, sunlit_white
from .noise import along, blur, inside, mix, pick_point, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]

TILES = np.array([[0.62, 0.38, 0.29], [0.50, 0.36, 0.30], [0.46, 0.45, 0.45], [0.60, 0.52, 0.45]], np.float32)
SHEETS = np.array([[0.78, 0.78, 0.77], [0.66, 0.67, 0.69], [0.85, 0.83, 0.79], [0.55, 0.60, 0.66]], np.float32)
SITES = 48
LEAST_OPEN = 0.55
"""Share of open ground under a building and just around it below which it is not built."""


@dataclass(frozen=True)
class Plan:
    """Buildings in the order in which they are built, and the lane they stand on.

    centre: (row, column). lane: unit (dy, dx). size: side in pixels of a house. built_up: among other
    roofs. gardens: houses, not halls or blocks.
    """

    centre: tuple[int, int]
    lane: tuple[float, float]
    size: float
    built_up: bool
    gardens: bool
    buildings: list[Building]


def straight_direction(scene: Scene) -> tuple[float, float]:
    """The commonest direction (dy, dx) of the scene's straight edges, modulo 90°."""
    gy, gx = (ndimage.gaussian_filter(scene.luminance, 1.5, order=order) for order in ((1, 0), (0, 1)))
    jyy, jxx, jxy = (blur((a * b).astype(np.float32), 4.0) for a, b in ((gy, gy), (gx, gx), (gy, gx)))
    line = np.hypot(jxx - jyy, 2.0 * jxy)
    angles = np.rad2deg(0.5 * np.arctan2(2.0 * jxy, jxx - jyy)) % 90.0
    straight = line**1.5 / (jxx + jyy + 1e-6)
    votes, _ = np.histogram(angles, bins=90, range=(0.0, 90.0), weights=straight)
    angle = np.deg2rad(float(np.argmax(ndimage.gaussian_filter1d(votes, 2.0, mode="wrap"))) + 0.5)
    return float(np.sin(angle)), float(np.cos(angle))


def open_land(scene: Scene, built_up: bool) -> FloatArray:
    """0…1 [H, W]: ground to build on. Neither water nor roofs, and rather not woods or roads."""
    free = smoothstep(scene.water, 0.5, 0.1) * (1.0 - scene.roofs if built_up else 1.0)
    smooth_crops = smoothstep(blur(scene.roughness, 4.0), 0.3, 0.12)
    ground = free * (1.0 - 0.75 * scene.trees * (1.0 - smooth_crops))
    if not built_up:
        return np.asarray(ground * (1.0 - 0.3 * scene.built), np.float32)  # rows of crops have straight edges too
    # Among houses, what is straight, grey or dark and not green is a road, a drive or a shadow.
    relative = blur((scene.saturation / np.maximum(scene.luminance, 0.05)).astype(np.float32), 1.5)
    level = blur(scene.luminance, 1.5)
    grey = smoothstep(relative, 0.8 * float(np.median(relative)), 0.5 * float(np.median(relative)))
    dark = smoothstep(level, 0.85 * float(np.median(level)), 0.7 * float(np.median(level)))
    sealed = np.maximum(np.maximum(grey, dark) * (1.0 - scene.vegetation), 0.8 * scene.built)
    return np.asarray(ground * (1.0 - sealed), np.float32)


def _colours(scene: Scene, built_up: bool, pitched: bool, rng: np.random.Generator) -> FloatArray:
    """Three colours [3, 3] of roofs: those of the scene's own roofs, if it has any, else usual ones in its light."""
    usual = (TILES if pitched else SHEETS)[rng.permutation(4)[:3]] * sunlit_white(scene)
    usual = mix(black_level(scene), usual, 0.92)
    own = scene.rgb[(scene.roofs > 0.6) & (scene.built > 0.2)]
    if not built_up or len(own) < 0.01 * scene.luminance.size:
        return usual
    bright = own[own.mean(-1) >= np.median(own.mean(-1))]
    return np.asarray(0.3 * usual + 0.7 * bright[rng.integers(0, len(bright), 3)], np.float32)


def _houses(size: float, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Places (along, across) and half sides of houses on both sides of a lane, nearest first."""
    plot, houses = 1.45 * size, []
    for k in range(-3, 4):
        for side in (-1.0, 1.0):
            half_long, half_wide = 0.5 * size * rng.uniform(0.88, 1.1), 0.5 * size * rng.uniform(0.66, 0.8)
            across = side * (0.55 * size + half_wide + 0.1 * size * rng.random())
            houses.append((plot * (k + 0.06 * rng.uniform(-1, 1) + 0.2 * side), across, half_long, half_wide))
    return sorted(houses, key=lambda house: abs(house[0]))


def _blocks(size: float, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """The same of long parallel blocks."""
    half_long, half_wide = size * rng.uniform(0.95, 1.2), 0.36 * size * rng.uniform(0.9, 1.1)
    rows = [(k * 2.5 * size, side * (0.4 * size + half_wide)) for k in (0, -1, 1) for side in (1.0, -1.0)]
    return [(along_lane, across, half_long, half_wide) for along_lane, across in rows]


def _hall(size: float, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """A large hall, then a second and a third one beside it."""
    half_long, half_wide = 1.05 * size * rng.uniform(0.9, 1.1), 0.62 * size * rng.uniform(0.9, 1.1)
    across = 0.5 * size + half_wide
    return [
        (0.0, across, half_long, half_wide),
        (2.6 * size, across, 0.9 * half_long, half_wide),
        (-2.4 * size, 0.45 * size + 0.6 * half_wide, 0.8 * half_long, 0.6 * half_wide),
        (0.3 * size, -across, half_long, half_wide),
    ]


def _site(
    scene: Scene,
    open_ground: FloatArray,
    size: float,
    places: list[tuple[float, float, float, float]],
    rng: np.random.Generator,
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Of many sites in line with the scene, the one with the most open ground, and the direction of its lane."""
    middle = np.hanning(scene.height + 2)[1:-1, None] * np.hanning(scene.width + 2)[None, 1:-1]
    ground = blur(open_ground * (0.65 + 0.35 * np.sqrt(middle)).astype(np.float32), 0.35 * size)
    dy, dx = straight_direction(scene)
    best: tuple[float, tuple[int, int], tuple[float, float]] = (-1.0, (0, 0), (dy, dx))
    worth = 0.75 ** np.arange(len(places))
    u, v = np.array(places)[:, :2].T
    for turned in rng.random(SITES) < 0.5:
        site = pick_point(ground**2, rng)
        lane = (dx, -dy) if turned else (dy, dx)
        at = [site[0] + u * lane[0] - v * lane[1], site[1] + u * lane[1] + v * lane[0]]
        fits = ndimage.map_coordinates(ground, at, order=0, mode="constant")
        best = max(best, (float((fits * worth).sum()), site, lane))
    return best[1:]


def _fits(b: Building, open_ground: FloatArray, forbidden: FloatArray) -> bool:
    """Whether a building stands on open ground alone; beyond the picture's border anything goes."""
    window = b.window(open_ground.shape)
    if open_ground[window].size == 0:
        return False
    u, v = along(open_ground[window].shape, b.ridge, (b.centre[0] - window[0].start, b.centre[1] - window[1].start))
    yard = 0.2 * b.half_wide + 1.5
    under = footprint(u, v, b.half_long + yard, b.half_wide + yard)
    weight = float(under.sum())
    if weight < 1.6 * b.half_long * b.half_wide:
        return False
    open_share = float((under * open_ground[window]).sum()) / weight
    return open_share > LEAST_OPEN and float((under * forbidden[window]).sum()) < 0.003 * weight


def plan(scene: Scene, area: FloatArray, built_up: bool, size: float, rng: np.random.Generator) -> Plan:
    """Where to build what; no buildings where there is no room for any of this size."""
    kind = int(rng.choice(3, p=(0.9, 0.1, 0.0) if built_up else (0.6, 0.2, 0.2)))
    places = (_houses, _blocks, _hall)[kind](size, rng)
    pitched = kind == 0 or (kind == 1 and rng.random() < 0.5)
    open_ground = (open_land(scene, built_up) * np.minimum(area, 1.0) * inside(area, 0.4 * size)).astype(np.float32)
    site, lane = _site(scene, open_ground, size, places, rng)
    forbidden = ((np.maximum(scene.water, scene.roofs) > 0.3) | (area <= 0.0)).astype(np.float32)
    colours, hip = _colours(scene, built_up, pitched, rng), bool(rng.random() < 0.4)
    buildings = []
    for u, v, half_long, half_wide in places:
        centre = (site[0] + u * lane[0] - v * lane[1], site[1] + u * lane[1] + v * lane[0])
        across = kind == 0 and rng.random() < 0.25
        shade = float(rng.uniform(0.93, 1.07))
        buildings.append(
            Building(
                centre=centre,
                ridge=(lane[1], -lane[0]) if across else lane,
                half_long=half_long * (0.85 if across else 1.0),
                half_wide=half_wide,
                eaves=(0.24, 0.5, 0.3)[kind] * size,
                pitch=float(rng.uniform(0.35, 0.55)) if pitched else 0.0,
                hip=hip,
                colour=(colours[int(rng.integers(0, 3)) if kind == 0 else 0] * shade).astype(np.float32),
                extras=int(rng.integers(0, 2**31)),
            )
        )
    return Plan(site, lane, size, built_up, kind == 0, [b for b in buildings if _fits(b, open_ground, forbidden)])
