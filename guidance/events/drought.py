"""Drought: plants straw-brown, some crowns dead, bare soil pale and cracked, water shrunk behind mud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .likeness import detail_noise, finish, sensor_noise, sunlit_white, texture
from .noise import blur, fractal_noise, inside, mix, ridged_noise, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]

STRAW = np.array([1.22, 1.05, 0.76], np.float32)
"""Dry grass as a factor on luminance."""
DEAD_LEAF = np.array([1.17, 0.95, 0.66], np.float32)
DEAD_WOOD = np.array([1.12, 1.04, 0.95], np.float32)
DRY_MUD = np.array([0.72, 0.66, 0.56], np.float32)
WET_MUD = np.array([0.36, 0.31, 0.25], np.float32)


def _mud(scene: Scene, rng: np.random.Generator) -> FloatArray:
    """Dried lake bed, [H, W, 3]: pale crust broken into plates by dark cracks, with salt and silt patches."""
    size = float(np.clip(0.5 * scene.grain, 5.0, 0.04 * scene.short_side + 5.0))
    cracks = smoothstep(ridged_noise(scene.shape, 2.2 * size, rng, octaves=3), 0.62, 0.92)
    broad = fractal_noise(scene.shape, 0.2 * scene.short_side, rng)
    fine = fractal_noise(scene.shape, size, rng, octaves=4)
    tone = (0.82 + 0.3 * broad + 0.22 * (fine - 0.5)) * (1.0 - 0.30 * cracks)
    tone += 0.35 * detail_noise(scene, rng)
    return np.asarray(DRY_MUD * sunlit_white(scene) * 1.05 * tone[..., None], np.float32)


@dataclass(frozen=True)
class Drought:
    name: str = "drought"
    phrases: tuple[str, ...] = (
        "drought",
        "dried out vegetation",
        "the land is parched",
        "a severe drought",
        "dry brown grass",
        "the river has dried up",
        "cracked dry soil",
        "withered crops",
        "arid and dusty ground",
        "low water level with a mud rim",
        "the trees are dying of thirst",
        "heat and lack of rain",
    )
    typical_share: float = 0.7
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Vegetation and bare soil; the margins of water; hardly what is built."""
        fit = np.maximum(np.maximum(scene.vegetation, 0.6 * scene.bare), 0.6 * scene.water)
        return np.asarray(fit * (1.0 - 0.8 * scene.built), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        shape, side, size = scene.shape, scene.short_side, max(4.0, scene.grain)
        may = np.minimum(area, 1.0) * inside(area, 0.05 * side)
        strength = min(0.25 + 1.2 * severity, 1.25)

        # Greenness goes first where soil is thin: broad patches, then single crowns.
        broad = fractal_noise(shape, 0.25 * side, rng)
        single = fractal_noise(shape, 1.3 * size, rng, octaves=3)
        stress = np.clip(strength * (0.55 + 0.6 * broad + 0.4 * (single - 0.5)), 0.0, 1.0)
        green = scene.vegetation * (1.0 - scene.water)
        # Straw is pale, but what was bright before hardly gets brighter; rough and bright are crops, not crowns.
        room = smoothstep(blur(scene.luminance, 1.0), 0.62, 0.35)
        crowns = scene.trees * room
        dead = smoothstep(single + 0.6 * (severity - 0.5), 0.58, 0.72) * crowns
        leaf = mix(STRAW, DEAD_LEAF, (0.8 * crowns))
        leaf = mix(leaf, DEAD_WOOD, 0.7 * dead * smoothstep(fractal_noise(shape, size, rng), 0.5, 0.65))
        lift = 1.0 + 0.30 * (1.0 - scene.trees) * room + 0.22 * dead
        dry = scene.luminance[..., None] * leaf * lift[..., None]
        withered = green * np.clip(stress * (0.85 + 0.35 * dead), 0.0, 0.95) * may
        image = mix(scene.rgb, dry, withered)

        # Open soil: paler and dustier, crusted where it was moist.
        soil = scene.bare * (1.0 - scene.water) * stress * may
        cracks = smoothstep(ridged_noise(shape, 0.9 * size + 4, rng, octaves=3), 0.66, 0.92)
        dust = mix(scene.rgb, scene.luminance[..., None] * np.array([1.10, 1.0, 0.84], np.float32), 0.6)
        dust = dust * (1.10 - 0.22 * cracks * smoothstep(broad, 0.45, 0.65))[..., None]
        image = mix(image, dust, 0.7 * soil)

        # Water draws back from its shore; the wettest mud lies at the new waterline.
        rim, wet = self._receded(scene, severity, rng)
        mud = _mud(scene, rng) * (np.clip(texture(scene, size), 0.75, 1.25) ** 0.5)[..., None]
        mud = mix(mud, WET_MUD * sunlit_white(scene), wet) + sensor_noise(scene, rng)[..., None]
        image = mix(image, mud, rim * may)
        mask = np.maximum(np.maximum(withered, 0.6 * soil), rim * may)
        return finish(scene, image, mask.astype(np.float32), area)

    @staticmethod
    def _receded(scene: Scene, severity: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """(bed laid dry, how wet it is), both [H, W] in 0…1."""
        side = scene.short_side
        # The water map stops short of the bank: reach across to it, or a dark seam of old water stays.
        reach = 2 * max(1, round(0.006 * side)) + 1
        wide = blur(ndimage.maximum_filter(scene.water, size=reach), 0.7)
        water = wide > 0.5
        if not water.any():
            return np.zeros(scene.shape, np.float32), np.zeros(scene.shape, np.float32)
        offshore = ndimage.distance_transform_edt(water).astype(np.float32)
        offshore = np.minimum(offshore, side)
        width = float(np.quantile(offshore[water], min(0.12 + 1.3 * severity, 0.97)))
        uneven = 0.20 + 1.6 * fractal_noise(scene.shape, 0.22 * side, rng, octaves=6)
        along_shore = offshore / np.maximum(width * uneven, 1.0)
        rim = smoothstep(along_shore, 1.04, 0.96) * smoothstep(wide, 0.2, 0.8)
        wet = smoothstep(along_shore + 0.25 * (fractal_noise(scene.shape, 0.06 * side, rng) - 0.5), 0.55, 1.0)
        return rim.astype(np.float32), wet


DROUGHT = Drought()
