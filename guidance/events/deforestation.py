"""Clear-cut: trees gone inside straight or ragged edges, bare soil with tracks, slash, stumps and logs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Drawing
from .likeness import black_level, detail_noise, finish, sensor_noise, sunlit_white, texture
from .noise import (
    along,
    blur,
    fractal_noise,
    inside,
    mix,
    organic_place,
    random_direction,
    ridged_noise,
    shift,
    smoothstep,
    value_noise,
)
from .objects import scatter
from .scene import Scene

FloatArray = NDArray[np.float32]

PALE_EARTH = np.array([0.64, 0.57, 0.48], np.float32)
RED_EARTH = np.array([0.59, 0.46, 0.36], np.float32)
WOOD = np.array([0.74, 0.68, 0.58], np.float32)
BRUSH = np.array([0.36, 0.31, 0.25], np.float32)
_GREEN_WOODS = 0.03
"""Mean of the trees from which on a scene's woods are its green ones."""


def soil_colour(scene: Scene, rng: np.random.Generator) -> FloatArray:
    """Colour [3] of bare earth: the scene's own open ground where it shows any, else brown."""
    brown = mix(PALE_EARTH, RED_EARTH, float(rng.random())) * sunlit_white(scene) * float(rng.uniform(0.92, 1.08))
    open_ground = scene.bare * smoothstep(scene.rgb[..., 0] - scene.rgb[..., 2], 0.02, 0.12)
    weight = float(open_ground.mean())
    if weight < 0.01:
        return brown
    own = (scene.rgb * open_ground[..., None]).mean((0, 1)) / weight
    return mix(brown, own, 0.6)


def bars(where: FloatArray, count: int, length: float, width: float, rng: np.random.Generator) -> FloatArray:
    """Soft bars (logs) or dots (stumps, boulders: length = width), spread by ``where``: [H, W] in 0…1."""
    drawn = np.zeros(where.shape, np.float32)
    reach = int(np.ceil(length + 2 * width)) + 2
    for row, column in scatter(where, count, rng) if where.any() else ():
        angle = float(rng.uniform(0, np.pi))
        half = 0.5 * length * float(rng.uniform(0.5, 1.3))
        thick = 0.5 * width * float(rng.uniform(0.7, 1.3))
        top, left = max(row - reach, 0), max(column - reach, 0)
        window = drawn[top : row + reach + 1, left : column + reach + 1]
        u, v = along(window.shape, (np.sin(angle), np.cos(angle)), (row - top, column - left))
        bar = np.hypot(np.maximum(np.abs(u) - max(half - thick, 0.0), 0.0), v)
        np.maximum(window, smoothstep(bar, thick + 0.7, max(thick - 0.5, 0.0)), out=window)
    return drawn


def lay(scene: Scene, ground: FloatArray, things: FloatArray, colour: FloatArray, height: float) -> FloatArray:
    """Lay ``things`` [H, W] of one colour and ``height`` in pixels on ``ground`` [H, W, 3], with shadows."""
    dark = shift(things, scene.sun[0] * height, scene.sun[1] * height)
    return mix(ground * (1.0 - 0.45 * dark)[..., None], colour, 0.75 * things)


def felled_shadow(gone: FloatArray, height: float, sun: tuple[float, float], rng: np.random.Generator) -> FloatArray:
    """Shadow that the trees left standing (where ``gone`` is 0) throw into the clearing: [H, W] in 0…1."""
    crowns = 0.55 + 0.9 * fractal_noise(gone.shape, max(0.7 * height, 3.0), rng, octaves=3)
    shadow = np.zeros_like(gone)
    standing = 1.0 - gone
    for k in range(1, 7):
        way = height * k / 6
        falls = shift(standing, sun[0] * way, sun[1] * way)
        shadow = np.maximum(shadow, falls * smoothstep(crowns, k / 6 - 0.12, k / 6 + 0.12))
    return (shadow * gone).astype(np.float32)


def _tree_size(scene: Scene) -> float:
    """Diameter of a crown in pixels; where fields are the dominant texture, far less than they."""
    return float(np.clip(scene.grain, 4.0, 0.055 * scene.short_side + 2.0))


def _leafless(scene: Scene) -> FloatArray:
    """0…1: rough ground that nothing built explains, as of trees in winter. [H, W]."""
    side = scene.short_side
    rough = smoothstep(blur(scene.roughness, 0.012 * side), 0.14, 0.26)
    built = blur(np.maximum(scene.built, scene.roofs), 0.012 * side)
    return np.asarray(rough * smoothstep(built, 0.5, 0.2), np.float32)


@dataclass(frozen=True)
class Deforestation:
    name: str = "deforestation"
    phrases: tuple[str, ...] = (
        "deforestation",
        "a clear-cut",
        "the forest has been cut down",
        "logging in the forest",
        "trees felled",
        "cleared forest",
        "illegal logging",
        "bare soil where trees stood",
        "the woodland was removed",
        "a logged patch with tyre tracks",
        "forest clearing for agriculture",
        "tree loss",
    )
    typical_share: float = 0.25
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Trees; where none is green, leafless ones."""
        land = (1.0 - scene.water) * (1.0 - 0.5 * scene.built)
        green = float((scene.trees * land).mean()) > _GREEN_WOODS
        trees = scene.trees if green else np.maximum(scene.trees, _leafless(scene))
        return np.asarray(trees * land, np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        shape, side = scene.shape, scene.short_side
        size = _tree_size(scene)
        lane = random_direction(rng)
        gone = self._cut(scene, area, 0.08 + 0.40 * severity, lane, rng)

        soil = soil_colour(scene, rng)
        _, v = along(shape, lane, (shape[0] / 2, shape[1] / 2))
        broad = fractal_noise(shape, 0.22 * side, rng)
        fine = fractal_noise(shape, 0.8 * size, rng, octaves=6)
        grain = detail_noise(scene, rng)
        tone = 0.95 + 0.34 * (broad - 0.5) + 0.25 * (fine - 0.5) + 0.55 * grain
        # Wheel ruts in pairs along the lanes, wandering, here and there lost.
        wander = (
            v + 1.3 * size * value_noise(shape, 0.35 * side, rng) + 0.12 * size * value_noise(shape, 1.5 * size, rng)
        )
        spacing = 1.7 * size
        phase = np.abs(np.mod(wander, spacing) - 0.5 * spacing)
        rut = max(0.05 * spacing, 0.8)
        ruts = smoothstep(np.abs(phase - 0.15 * spacing), 1.5 * rut, 0.5 * rut)
        ruts *= smoothstep(fractal_noise(shape, 0.12 * side, rng, octaves=4), 0.42, 0.62)
        tone *= 1.0 - 0.24 * ruts
        ground = soil * tone[..., None]
        regrowth = smoothstep(0.5 * fine + 0.5 * fractal_noise(shape, 0.09 * side, rng) + 0.3 * grain, 0.55, 0.75) * 0.5
        grass = np.array([0.82, 1.0, 0.60], np.float32) * float(soil.mean()) * 0.85
        ground = mix(ground, grass * tone[..., None], regrowth)

        # Slash in windrows along the lanes, then single logs and stumps, all with their shadows.
        rows = smoothstep(np.abs(np.mod(wander, 2 * spacing) - spacing), 0.30 * spacing, 0.05 * spacing)
        rows *= smoothstep(fractal_noise(shape, 0.10 * side, rng, octaves=4), 0.50, 0.64)
        rows = smoothstep(rows + 0.8 * grain, 0.35, 0.75)
        twigs = np.clip(0.55 + 2.2 * grain + 0.6 * (ridged_noise(shape, 0.5 * size, rng, octaves=4) - 0.3), 0.15, 1.6)
        ground = mix(ground, BRUSH * sunlit_white(scene) * twigs[..., None], 0.65 * rows)
        inner = (smoothstep(blur(gone, 0.3 * size), 0.7, 1.0) * gone).astype(np.float32)
        amount = float(inner.sum()) / size**2
        thin = max(1.1, 0.055 * size)
        logs = bars(inner * (0.05 + rows), min(round(0.5 * amount), 300), 0.7 * size, thin, rng)
        stumps = bars(inner, min(round(0.8 * amount), 500), 1.4 * thin, 1.4 * thin, rng)
        wood = np.maximum(0.8 * logs, 0.45 * stumps)
        ground = lay(scene, ground, wood, WOOD * sunlit_white(scene), max(1.0, thin))

        height = float(np.clip(0.9 * size, 2.0, 0.06 * side))
        shadow = felled_shadow(gone, height, scene.sun, rng)
        black = black_level(scene)
        ground = mix(ground, black + 0.30 * (ground - black), 0.9 * shadow) + sensor_noise(scene, rng)[..., None]
        return finish(scene, mix(scene.rgb, ground, gone), gone, area)

    def _cut(
        self,
        scene: Scene,
        area: FloatArray,
        share: float,
        lane: tuple[float, float],
        rng: np.random.Generator,
    ) -> FloatArray:
        """Outline of the cut, [H, W] in 0…1: ragged, or trimmed to straight property lines."""
        side, size = scene.short_side, _tree_size(scene)
        woods = self.suitability(scene)
        place = organic_place(area, share, rng, 0.6, softness=0.03, preference=blur(woods, 0.03 * side))
        if rng.random() < 0.6 and (place > 0.5).any():
            rows, columns = np.nonzero(place > 0.5)
            u, v = along(scene.shape, lane, (float(rows.mean()), float(columns.mean())))
            u_in, v_in = u[rows, columns], v[rows, columns]
            low_u, high_u = np.quantile(u_in, [0.08, 0.92])
            low_v, high_v = np.quantile(v_in, [0.08, 0.92])
            tilt = float(rng.uniform(-0.25, 0.25))
            # Crowns at the line stay whole and hang over it; the gaps between them are open ground.
            crowns = np.clip(blur(texture(scene, 2 * size), 0.12 * size) - 1.0, -0.6, 0.8)
            jag = 0.25 * size * value_noise(scene.shape, 0.9 * size, rng) - 0.9 * size * crowns
            inner = np.minimum(
                np.minimum(u + tilt * v - low_u, high_u - u), np.minimum(v - low_v, high_v - v - tilt * u)
            )
            block = smoothstep(inner + jag, -0.8, 0.8)
            place = (block * np.minimum(area, 1.0) * inside(area, 2.0)).astype(np.float32)
        # A few seed trees are left standing, whole crowns of the scene's own.
        left = smoothstep(fractal_noise(scene.shape, 1.6 * size, rng, octaves=2), 0.93, 0.97)
        wooded = smoothstep(blur(woods, 1.2 * size), 0.10, 0.35)
        return (smoothstep(place, 0.3, 0.7) * (1.0 - left) * wooded * (1.0 - scene.water)).astype(np.float32)


DEFORESTATION = Deforestation()
