"""Ground that building work leaves: bare earth and sown grass in the scene's own colours and texture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .deforestation import soil_colour
from .likeness import sunlit_white
from .noise import mix
from .scene import Scene

FloatArray = NDArray[np.float32]


def earth_colour(scene: Scene, rng: np.random.Generator) -> FloatArray:
    """Colour [3] of freshly moved earth: paler than the soil, and tinted like the whole picture."""
    soil = soil_colour(scene, rng)
    usual = scene.rgb.mean((0, 1))
    bare = 1.0 - float(scene.vegetation.mean())
    earth = mix(soil, usual * float(soil.mean() / max(float(usual.mean()), 0.02)), 0.15 + 0.35 * bare)
    lift = min(1.22, 0.64 * float(sunlit_white(scene).mean()) / max(float(earth.mean()), 0.02))
    return np.asarray(earth * np.float32(lift), np.float32)


def grass_colour(scene: Scene, earth: FloatArray) -> FloatArray:
    """Colour [3] of young grass: half the scene's own green ground where it has any, half the earth's turned green."""
    young = np.array([0.80, 0.98, 0.62], np.float32) * np.float32(0.8 * float(earth.mean()))
    green = scene.vegetation * (1.0 - scene.trees)
    weight = float(green.mean())
    if weight < 0.01:
        return young
    return mix(young, (scene.rgb * green[..., None]).mean((0, 1)) / weight, 0.6)


def toned(colour: FloatArray, tone: FloatArray) -> FloatArray:
    """A colour [3] with a texture [H, W] about 0: [H, W, 3]."""
    return np.asarray(colour * (1.0 + tone)[..., None], np.float32)
