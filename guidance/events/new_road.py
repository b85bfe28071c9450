"""New road: asphalt along a gentle curve through the area, with lanes, shoulders, and the strip cleared for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Drawing
from .deforestation import felled_shadow
from .likeness import black_level, detail_noise, finish, sensor_noise, sunlit_white, texture
from .new_ground import earth_colour, grass_colour, toned
from .noise import (
    along,
    blur,
    fractal_noise,
    inside,
    mix,
    noise_at,
    pick_point,
    random_direction,
    shift,
    smoothstep,
    value_noise,
)
from .scale import crown_size, from_space
from .scene import Scene

FloatArray = NDArray[np.float32]

ASPHALT = np.array([0.41, 0.41, 0.42], np.float32)
CONCRETE = np.array([0.72, 0.71, 0.68], np.float32)
ROUTES = 24
LEAST_MARKED = 9.0
"""Width in pixels from which the lines on a road can be told from its surface."""


@dataclass(frozen=True)
class Route:
    """A course that swings about a straight line. point: (row, column) on it; swing, wave: pixels; phase: radians."""

    point: tuple[int, int]
    direction: tuple[float, float]
    swing: float
    wave: float
    phase: float

    def offset(self, u: FloatArray) -> FloatArray:
        """How far the course lies beside its straight line, ``u`` pixels along it."""
        turn = 2.0 * np.pi * u / self.wave + self.phase
        return np.asarray(self.swing * (np.sin(turn) - np.sin(self.phase)), np.float32)

    def frame(self, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        """Of every pixel: how far along the course and how far beside it, float32 [H, W] each."""
        u, v = along(shape, self.direction, self.point)
        slope = 2.0 * np.pi * self.swing / self.wave * np.cos(2.0 * np.pi * u / self.wave + self.phase)
        return u, np.asarray((v - self.offset(u)) / np.sqrt(1.0 + slope**2), np.float32)

    def cost(self, costs: FloatArray, room: FloatArray) -> float:
        """Mean cost of the pixels it crosses in the room, less for a longer way through it."""
        side = min(costs.shape)
        u = np.arange(-1.5 * side, 1.5 * side, max(1.0, side / 128.0), dtype=np.float32)
        v, (dy, dx) = self.offset(u), self.direction
        at = np.rint([self.point[0] + u * dy - v * dx, self.point[1] + u * dx + v * dy]).astype(np.int64)
        within = ((at >= 0) & (at < np.array(costs.shape)[:, None])).all(0)
        rows, columns = at[:, within]
        weight = room[rows, columns]
        length = min(float(weight.sum()) / 128.0, 1.0)
        return float((costs[rows, columns] * weight).sum() / max(float(weight.sum()), 1e-3)) - 0.8 * length


def find_route(scene: Scene, area: FloatArray, width: float, rng: np.random.Generator) -> Route:
    """The cheapest of many smooth courses: away from roofs and old roads, over water only where it is narrow."""
    side = scene.short_side
    costs = blur((2.5 * scene.roofs + 1.2 * scene.water + 0.6 * scene.built).astype(np.float32), 0.7 * width)
    room = np.asarray(area > 0.05, np.float32)
    wanted = (np.minimum(area, 1.0) * inside(area, width) * (1.0 - scene.water) * (1.0 - scene.roofs)).astype(
        np.float32
    )
    routes = [
        Route(
            point=pick_point(wanted, rng),
            direction=random_direction(rng),
            swing=side * float(rng.uniform(0.02, 0.10)),
            wave=side * float(rng.uniform(1.6, 3.0)),
            phase=float(rng.uniform(0.0, 2.0 * np.pi)),
        )
        for _ in range(ROUTES)
    ]
    return min(routes, key=lambda route: route.cost(costs, room))


def _markings(u: FloatArray, d: FloatArray, half: float) -> FloatArray:
    """Painted lines of a road of two lanes: solid along both edges, broken in the middle. [H, W] in 0…1."""
    thick = max(0.5, 0.028 * half)
    share = min(1.0, 0.9 * thick)
    edges = smoothstep(np.abs(np.abs(d) - 0.88 * half), thick + 0.5, thick - 0.5)
    dash = 1.5 * half
    broken = smoothstep(np.abs(np.mod(u, 2.4 * dash) - 1.2 * dash), 0.5 * dash + 0.5, 0.5 * dash - 0.5)
    middle = smoothstep(np.abs(d), thick + 0.5, thick - 0.5) * broken
    return np.asarray(share * np.maximum(edges, middle), np.float32)


def _surface(scene: Scene, u: FloatArray, d: FloatArray, half: float, rng: np.random.Generator) -> FloatArray:
    """Fresh asphalt in the scene's light, a little paler where wheels run. [H, W, 3]."""
    white, black = sunlit_white(scene), black_level(scene)
    wheels = smoothstep(np.abs(np.abs(np.abs(d) - 0.45 * half) - 0.2 * half), 0.16 * half, 0.0)
    patchy = noise_at(u, d, (6.0 * half, 0.8 * half), rng) - 0.5
    tone = 1.0 + 0.07 * wheels + 0.12 * patchy + 0.1 * detail_noise(scene, rng)
    return mix(black, ASPHALT * white, 0.85) * np.asarray(tone[..., None], np.float32)


@dataclass(frozen=True)
class NewRoad:
    name: str = "new_road"
    phrases: tuple[str, ...] = (
        "a new road",
        "newly built road",
        "a new road through the forest",
        "a road has been built across the fields",
        "new asphalt road",
        "road construction",
        "a new highway crosses the area",
        "a freshly paved street",
        "a new road through the desert",
        "a bypass has been built",
        "a new two-lane road with verges",
    )
    typical_share: float = 0.05
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Open land and woods; water only as far as a road has to cross it."""
        return np.asarray(
            (1.0 - 0.9 * scene.roofs) * (1.0 - 0.6 * scene.built) * (1.0 - 0.85 * scene.water), np.float32
        )

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        shape, side = scene.shape, scene.short_side
        half = max(1.0, side * (0.016 + 0.024 * severity) * (1.0 - 0.8 * from_space(scene)))
        route = find_route(scene, area, 0.08 * side, rng)
        u, d = route.frame(shape)
        crown = crown_size(scene)
        water = smoothstep(scene.water, 0.3, 0.7)
        trees = blur(smoothstep(scene.trees, 0.3, 0.8), 0.5 * crown)

        # In woods a wide strip is cleared up to whole crowns; in the open the verge just runs out.
        crowns = np.clip(blur(texture(scene, 2 * crown), 0.12 * crown) - 1.0, -0.6, 0.8)
        ragged = value_noise(shape, 1.5 * crown, rng) + 0.5 * value_noise(shape, 0.5 * crown, rng)
        verge = half * (0.55 + 0.5 * severity) + 0.1 * half * value_noise(shape, 0.2 * side, rng)
        beyond = np.abs(d) - half - verge * (1.0 + 0.6 * trees)
        wooded = smoothstep(beyond + 0.2 * crown * ragged + 0.8 * crown * crowns, 1.0, -1.0)
        grain = detail_noise(scene, rng)
        mottled = fractal_noise(shape, 0.9 * half + 3.0, rng) - 0.5
        open_land = smoothstep(beyond / verge + 1.4 * mottled + 0.8 * grain, 0.45, -0.4)
        strip = mix(open_land, wooded, trees) * (1.0 - water)

        soil = earth_colour(scene, rng)
        sown = smoothstep((np.abs(d) - half) / verge + 1.5 * mottled, 0.3, 1.0)
        grass = toned(grass_colour(scene, soil), 0.5 * mottled + 0.7 * grain)
        ground = mix(toned(soil, 0.35 * mottled + 0.5 * grain), grass, 0.8 * float(scene.vegetation.mean()) * sown)
        gravel = toned(mix(soil, CONCRETE * sunlit_white(scene), 0.2), 0.4 * grain)
        ground = mix(ground, gravel, 0.75 * smoothstep(np.abs(d) + 0.3 * ragged, 1.25 * half + 0.6, 1.12 * half))

        # Where the area ends the works do: the asphalt first, then the strip of earth.
        room = np.where(area > 0.05, area, 0.0).astype(np.float32)
        paved = smoothstep(inside(room, 3.0 * half) + 0.25 * mottled, 0.2, 0.3)
        road = smoothstep(np.abs(d), half + 0.6, half - 0.6) * paved
        deck = smoothstep(np.abs(d), 1.12 * half + 1.0, 1.12 * half) * water
        image = mix(scene.rgb, ground, strip)
        cast = shift(deck, scene.sun[0] * 0.5 * half, scene.sun[1] * 0.5 * half) * water
        image = mix(image, black_level(scene), 0.5 * cast)
        image = mix(image, CONCRETE * sunlit_white(scene), deck)
        image = mix(image, _surface(scene, u, d, half, rng), road)
        if 2.0 * half >= LEAST_MARKED:
            image = mix(image, 0.92 * sunlit_white(scene), 0.8 * paved * _markings(u, d, half))
        gone = np.maximum(np.maximum(strip, road), deck)

        height = float(np.clip(0.8 * crown, 2.0, 0.05 * side))
        shadow = blur(felled_shadow(smoothstep(gone, 0.2, 0.8), height, scene.sun, rng), 0.12 * crown)
        shadow *= shift(trees, scene.sun[0] * height, scene.sun[1] * height) * (1.0 - deck)
        black = black_level(scene)
        image = mix(image, black + 0.32 * (image - black), 0.85 * shadow)
        image = image + (sensor_noise(scene, rng) * (1.0 - 0.5 * road))[..., None]
        cover = np.maximum(gone, 0.5 * cast) * smoothstep(inside(room, 6.0) + 0.5 * mottled, 0.0, 0.6)
        return finish(scene, mix(scene.rgb, image, smoothstep(cover, 0.0, 0.06)), cover, area)


NEW_ROAD = NewRoad()
