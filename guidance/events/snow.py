"""Snow on ground, roofs and crowns: white in the sun, bluish in shadow; water and deep gaps stay dark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Drawing
from .likeness import detail_noise, finish, sensor_noise, sunlit_white, texture
from .noise import blur, fractal_noise, inside, mix, shift, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]

SHADED = np.array([0.60, 0.68, 0.80], np.float32)
"""Snow in shadow, lit by the sky, as a factor on white."""


@dataclass(frozen=True)
class Snow:
    name: str = "snow"
    phrases: tuple[str, ...] = (
        "snow",
        "covered in snow",
        "a snowy landscape",
        "winter scene with snow",
        "fresh snow on the ground",
        "snow on the trees",
        "snow-covered roofs",
        "heavy snowfall",
        "the ground is white with snow",
        "frost and snow",
        "deep winter",
        "after a snowstorm",
    )
    typical_share: float = 0.8
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        """Everywhere but open water."""
        return (1.0 - scene.water).astype(np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        shape, side, size = scene.shape, scene.short_side, max(4.0, scene.grain)
        # Relief of plants against plants: a lawn between bright roofs is no shaded crown.
        green = scene.vegetation + 1e-3
        among_plants = scene.luminance / np.maximum(
            blur(scene.luminance * green, 1.5 * size) / blur(green, 1.5 * size), 0.03
        )
        relief = mix(texture(scene, 1.5 * size), among_plants, scene.vegetation)
        crowns = scene.trees * smoothstep(blur(scene.roughness, 0.01 * side), 0.05, 0.14)

        # Light without albedo: snow hides what the ground is made of, but not the shadows that fall on it.
        dark = blur(scene.luminance, 0.6) / max(float(np.quantile(scene.luminance, 0.6)), 0.05)
        shadow = smoothstep(np.minimum(dark, blur(relief, 0.5)), 0.62, 0.28)
        # A dark lawn is no shadow: smooth plants lie under the snow, whatever their own colour.
        shadow *= 1.0 - 0.85 * scene.vegetation * (1.0 - crowns)
        # A crown catches snow on its lit side; its shaded side and the gaps between crowns keep their colour.
        on_crown = smoothstep(blur(relief, 0.4) + 0.10 * detail_noise(scene, rng), 0.78, 1.55)
        ground = 1.0 - 0.35 * shadow
        hold = mix(ground, 0.06 + 0.94 * on_crown, crowns)

        # Little snow lies in drifts and patches; much snow covers all.
        patches = 0.6 * fractal_noise(shape, 0.18 * side, rng) + 0.4 * fractal_noise(shape, 1.2 * size, rng)
        trodden = scene.built * smoothstep(fractal_noise(shape, 0.3 * side, rng, octaves=3), 0.40, 0.62) * 0.5
        level = 1.25 * severity**0.6 - 0.30 * trodden - 0.12 * crowns
        cover = smoothstep(level - 0.55 * patches, 0.10, 0.42)
        alpha = (
            cover
            * hold
            * (1.0 - 0.8 * trodden)
            * (1.0 - scene.water)
            * inside(area, 0.05 * side)
            * np.minimum(area, 1.0)
        )

        # The snow's own surface: what is left of the relief, and wind drifts that the sun grazes.
        drift = blur(fractal_noise(shape, 0.10 * side, rng, octaves=6), 0.8)
        graze = (drift - shift(drift, scene.sun[0] * 1.5, scene.sun[1] * 1.5)) * np.float32(0.02 * side)
        relief_left = np.clip(relief, 0.45, 1.5) ** (0.28 + 0.25 * crowns)
        white = sunlit_white(scene)
        colour = mix(white, SHADED * white, np.clip(0.85 * shadow + 0.35 * crowns * (1.0 - on_crown), 0.0, 1.0))
        colour = colour * (relief_left * (0.985 + 0.07 * np.tanh(8.0 * graze) - 0.03))[..., None]
        colour += sensor_noise(scene, rng)[..., None] * 0.8
        # What stays uncovered looks duller and colder under a winter sky.
        grey = scene.luminance[..., None] * np.array([0.95, 0.98, 1.06], np.float32)
        chill = 0.45 * cover * (1.0 - scene.water) * inside(area, 0.05 * side) * np.minimum(area, 1.0)
        image = mix(mix(scene.rgb, grey, chill), colour, 0.96 * alpha)
        return finish(scene, image, np.maximum(alpha, 0.5 * chill).astype(np.float32), area)


SNOW = Snow()
