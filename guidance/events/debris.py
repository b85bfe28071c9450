"""Debris: what a tsunami or a storm leaves: mud, wrack in drifts, broken timber, sheets and plastic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Drawing
from .likeness import finish, sensor_noise
from .noise import blur, fractal_noise, inside, mix, organic_place, ridged_noise, smoothstep
from .objects import Pieces, lay_pieces, scatter
from .scene import Scene

FloatArray = NDArray[np.float32]

MUD = np.array([0.40, 0.34, 0.26], np.float32)
MATERIALS = np.array(
    [
        [0.58, 0.48, 0.36],  # timber
        [0.45, 0.36, 0.27],  # old timber
        [0.72, 0.69, 0.64],  # plaster, concrete
        [0.83, 0.82, 0.80],  # white sheets
        [0.52, 0.52, 0.53],  # metal
        [0.54, 0.33, 0.25],  # bricks, tiles
        [0.26, 0.36, 0.50],  # blue sheets
        [0.50, 0.22, 0.19],  # red cars, plastic
        [0.16, 0.16, 0.16],  # tyres, wet things
        [0.23, 0.27, 0.15],  # torn vegetation
    ],
    np.float32,
)
_OPEN = 0.1
"""Share of open ground in the scene from which on it gives the mud its colour."""
FREQUENCY = np.array([0.24, 0.18, 0.14, 0.11, 0.08, 0.08, 0.03, 0.02, 0.05, 0.07])


def _carried(scene: Scene, silt: FloatArray) -> FloatArray:
    """Colour [3] of what the water carried: silt, and where the ground is open the ground's own, soaked."""
    weight = float(scene.bare.mean())
    if weight < _OPEN:
        return silt
    soaked = 0.7 * (scene.rgb * scene.bare[..., None]).mean((0, 1)) / weight
    return mix(silt, soaked, float(smoothstep(weight, _OPEN, 4.0 * _OPEN)) * 0.6)


@dataclass(frozen=True)
class Debris:
    name: str = "debris"
    phrases: tuple[str, ...] = (
        "tsunami",
        "tsunami debris",
        "debris after the storm",
        "a tsunami has destroyed the coast",
        "hurricane damage with scattered debris",
        "rubble and mud everywhere",
        "the village was swept away",
        "wreckage scattered over the ground",
        "tornado debris field",
        "washed up timber and garbage",
        "houses smashed to pieces by the wave",
        "mud and wreckage after the flood wave",
    )
    typical_share: float = 0.3
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        return np.asarray((1.0 - scene.water) * (0.35 + 0.65 * scene.low), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        side = scene.short_side
        light = np.sqrt(scene.light / float(scene.light.max()))
        ground = (area * (1.0 - 0.9 * scene.water)).astype(np.float32)
        place = organic_place(ground, 0.10 + 0.55 * severity, rng, roughness=0.7, softness=0.25)
        wash = fractal_noise(scene.shape, 0.16 * side, rng, octaves=5)
        place = place * inside(area, max(2.0, 0.02 * side))
        mud = smoothstep(place + 0.8 * (wash - 0.5), 0.25, 0.75) * smoothstep(place, 0.05, 0.3) * (1.0 - scene.water)
        # Crowns and walls are pushed through by the mud only where it is worst.
        standing = np.maximum(scene.roofs, 0.7 * scene.trees) * (1.0 - 0.75 * severity)
        mud = np.clip(mud * (1.0 - standing), 0.0, 1.0)
        level = float(np.clip(scene.luminance.mean() / 0.42, 0.55, 1.35))
        carried = _carried(scene, np.asarray(MUD * light * level, np.float32))
        flow = fractal_noise(scene.shape, (0.03 * side, 0.12 * side), rng, octaves=4)
        own = blur(scene.rgb, 0.8)
        soil = carried * (0.72 + 0.56 * flow)[..., None] + 0.35 * (own - blur(own, 0.05 * side))
        image = mix(scene.rgb, soil, 0.86 * mud)
        cover = (0.86 * mud).astype(np.float32)

        # Wrack collects in drifts: along the crests of the wash and against what still stands.
        drifts = ridged_noise(scene.shape, 0.22 * side, rng, octaves=4)
        against = np.clip(blur(standing.astype(np.float32), 0.02 * side) * 2.0, 0.0, 1.0) * (1.0 - standing)
        density = smoothstep(drifts, 0.30, 0.72) ** 1.5 + 0.10 + 0.5 * against
        density = (density * smoothstep(place, 0.1, 0.5) * (1.0 - 0.85 * scene.water) * (area > 0.0)).astype(np.float32)
        unit = max(1.3, float(np.clip(0.10 * scene.grain, 0.005 * side, 0.008 * side)))
        count = int(np.clip(0.22 * float(density.sum()) / unit**2, 0, 2600))
        places = scatter(density, count, rng)
        matted = np.clip(blur(density, 1.5 * unit), 0.0, 1.0) * 0.55
        image = mix(image, carried * 0.62, matted)
        cover = np.maximum(cover, matted)
        chosen = rng.choice(len(MATERIALS), len(places), p=FREQUENCY / FREQUENCY.sum())
        colours = MATERIALS[chosen] * rng.uniform(0.65, 1.15, (len(places), 1)) * light * min(level * 1.05, 1.15)
        # Half of everything is smeared with mud.
        smear = rng.uniform(0.0, 0.7, (len(places), 1))
        colours = colours * (1.0 - smear) + carried * smear
        timber = chosen < 2
        lengths = unit * np.minimum(rng.lognormal(0.3, 0.5, len(places)), 4.0) * np.where(timber, 2.0, 1.0)
        slender = np.where(timber, rng.uniform(0.10, 0.25, len(places)), rng.uniform(0.4, 1.0, len(places)))
        lay_pieces(
            image,
            cover,
            Pieces(places, colours, lengths, slender),
            (scene.sun[0] * 0.6 * unit, scene.sun[1] * 0.6 * unit),
            rng,
        )
        image = image + (sensor_noise(scene, rng) * np.clip(cover, 0.0, 1.0))[..., None]
        return finish(scene, image, cover, area)


DEBRIS = Debris()
