"""Landslide: a tongue of bare earth from a shaded scarp down to a lobed toe, flow-lined, with boulders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .deforestation import WOOD, bars, lay, soil_colour
from .likeness import black_level, detail_noise, finish, sensor_noise, sunlit_white
from .noise import (
    along,
    blur,
    fractal_noise,
    inside,
    mix,
    noise_at,
    pick_point,
    shift,
    smoothstep,
    value_noise,
)
from .regions import largest_part
from .scene import Scene

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Landslide:
    name: str = "landslide"
    phrases: tuple[str, ...] = (
        "a landslide",
        "mudslide",
        "the slope has slid",
        "debris flow down the hill",
        "slope failure with bare earth",
        "a scar of brown earth through the forest",
        "earth and boulders cover the valley",
        "mass movement",
        "rockslide",
        "landslip after heavy rain",
        "the hillside has collapsed",
        "mud and rubble swept the trees away",
    )
    typical_share: float = 0.15
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Land: wooded or bare ground first, built ground less, but roads are covered as all else; no open water."""
        open_ground = np.maximum(scene.vegetation, scene.bare)
        fit = (0.4 + 0.6 * open_ground) * (1.0 - 0.25 * scene.built) * (1.0 - scene.water)
        return np.asarray(fit, np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        shape, side = scene.shape, scene.short_side
        size = float(np.clip(scene.grain, 4.0, 0.07 * side))
        if not (area > 0).any():
            return finish(scene, scene.rgb, np.zeros(shape, np.float32), area)
        fit = (area * (0.02 + self.suitability(scene))).astype(np.float32)
        head, flow, length, half = self._path(area, fit, 0.06 + 0.24 * severity, rng)
        u, v = along(shape, flow, head)

        # Half width along the way: round head, narrow throat, wide lobed toe; the whole tongue meanders.
        way = np.clip(u / length, 0.0, 1.0)
        profile = np.interp(
            way,
            [0.0, 0.015, 0.05, 0.12, 0.25, 0.45, 0.7, 0.85, 0.94, 0.985, 1.0],
            [0.0, 0.38, 0.68, 0.88, 0.92, 0.80, 0.92, 1.22, 1.20, 0.7, 0.0],
        )
        bend = 0.55 * half * value_noise(shape, 0.5 * length, rng) * way
        across = v - bend
        lobes = half * (0.16 * value_noise(shape, 0.8 * half, rng) + 0.11 * value_noise(shape, 0.3 * half, rng))
        lobes += 0.07 * half * value_noise(shape, max(0.1 * half, 2.0), rng) + 0.3 * value_noise(shape, 2.0, rng)
        sideways = half * profile - np.abs(across)
        ends = np.minimum(u, length - u) * 1.2
        within = np.minimum(sideways, 0.6 * half * np.tanh(ends / (0.6 * half))) + lobes * (0.35 + 0.65 * way)
        within = np.where(largest_part(within > -1.0), within, np.float32(-2.0))
        gone = smoothstep(within, -0.7, 1.3) * np.minimum(area, 1.0) * inside(area, max(3.0, 0.25 * half))
        gone = (gone * (1.0 - 0.75 * scene.water)).astype(np.float32)

        # Height of the deposit: levees at the sides, folds across the way, a bulging toe; sunlit.
        inner = np.clip(within / half, 0.0, 1.0)
        # Lines along the flow at the sides, pressed into folds across it towards the toe.
        lines = noise_at(u, across, (1.6 * half, 0.22 * half), rng)
        bulges = noise_at(u + 0.35 * across**2 / half, across, (0.30 * half, 1.1 * half), rng)
        folds = mix(lines, bulges, smoothstep(way, 0.5, 0.9))
        clods = fractal_noise(shape, 0.9 * size, rng, octaves=5)
        levee = np.exp(-(((inner - 0.16) / 0.10) ** 2)) * smoothstep(way, 0.15, 0.4)
        bulge = smoothstep(way, 0.6, 0.95) * smoothstep(inner, 0.0, 0.4)
        height = blur((0.55 * folds + 0.35 * clods + 0.35 * levee + 0.5 * bulge).astype(np.float32), 0.8)
        rise_y, rise_x = np.gradient(height, axis=0), np.gradient(height, axis=1)
        slope = (rise_y * scene.sun[0] + rise_x * scene.sun[1]) * np.float32(size)
        shade = np.tanh(1.1 * slope)

        soil = soil_colour(scene, rng)
        dark_soil = soil * np.array([0.70, 0.66, 0.62], np.float32)
        wet = smoothstep(0.6 * folds + 0.4 * fractal_noise(shape, 0.2 * side, rng), 0.48, 0.66) * (0.4 + 0.6 * way)
        ground = mix(soil * 1.08, dark_soil, wet)
        grain = detail_noise(scene, rng)
        ground = ground * (0.98 + 0.32 * shade + 0.20 * (clods - 0.5) + 0.75 * (folds - 0.5) + 0.50 * grain)[..., None]

        # Boulders and snapped trunks, more of them towards the toe and along the margins.
        amount = float(gone.sum()) / size**2
        strewn = (gone * smoothstep(inner, 0.02, 0.1) * (0.15 + way) * smoothstep(clods, 0.45, 0.6)).astype(np.float32)
        stone = max(1.3, 0.11 * size)
        stones = bars(strewn, min(round(0.9 * amount), 500), stone, stone, rng)
        ground = lay(scene, ground, 0.75 * stones, np.minimum(soil * 1.25 + 0.06, 1.0), 0.6 * stone)
        trunks = min(round(0.3 * amount * float(scene.trees.mean())), 150)
        logs = bars(strewn * (0.15 + levee), trunks, 0.7 * size, 0.5 * stone, rng)
        ground = lay(scene, ground, 0.8 * logs, WOOD * sunlit_white(scene), 0.5 * stone)

        # The scarp: a fresh bright face at the head, with the shadow of the edge above it.
        crest = np.exp(-((np.maximum(within, 0) / (0.14 * half)) ** 2)) * smoothstep(way, 0.28, 0.05)
        face = np.exp(-(((within - 0.22 * half) / (0.12 * half)) ** 2)) * smoothstep(way, 0.28, 0.05)
        ground = ground * (1.0 + 0.22 * face)[..., None]
        black = black_level(scene)
        standing = shift(1.0 - gone, scene.sun[0] * 0.5 * size, scene.sun[1] * 0.5 * size) * scene.trees
        shadow = np.clip(0.85 * crest + 0.6 * standing, 0.0, 0.9)
        ground = mix(ground, black + 0.3 * (ground - black), shadow) + sensor_noise(scene, rng)[..., None]
        return finish(scene, mix(scene.rgb, ground, gone), gone, area)

    @staticmethod
    def _path(
        area: FloatArray, fit: FloatArray, share: float, rng: np.random.Generator
    ) -> tuple[tuple[float, float], tuple[float, float], float, float]:
        """(head, unit direction, length, half width) in pixels of a tongue over ``share`` of the area."""
        # The middle of the tongue lies on ground that suits it and well inside the area.
        extent = float(np.sqrt(np.count_nonzero(area > 0)))
        rim = np.pad(area > 0, 1)
        inner = ndimage.distance_transform_edt(rim)[1:-1, 1:-1] / max(0.25 * extent, 1.0)
        row, column = pick_point((fit * np.minimum(inner, 1.0) ** 2).astype(np.float32), rng)
        middle = ndimage.center_of_mass((area > 0).astype(np.float32) + 1e-9)
        dy, dx = middle[0] - row, middle[1] - column
        freedom = np.pi * (1.0 - 0.7 * min(float(np.hypot(dy, dx)) / (0.3 * min(area.shape)), 1.0))
        angle = float(np.arctan2(dy, dx) + rng.uniform(-freedom, freedom))
        aspect = float(rng.uniform(2.8, 4.2))
        length = float(np.sqrt(share * np.count_nonzero(area > 0) * aspect * 0.75))
        flow = (float(np.sin(angle)), float(np.cos(angle)))
        return (
            (row - 0.5 * length * flow[0], column - 0.5 * length * flow[1]),
            flow,
            length,
            0.5 * length / aspect * 1.25,
        )


LANDSLIDE = Landslide()
