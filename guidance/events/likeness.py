"""What makes a drawing look like its scene: the sensor's noise and softness, the ground's detail, whites and blacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .noise import blur
from .scene import Scene

FloatArray = NDArray[np.float32]

DRAWN_SOFTNESS = 0.4
"""Standard deviation in pixels of the blur that a drawing's own antialiasing has."""
LEAST_SOFTENING = 0.15
"""Pixels of further blur below which none is seen."""


def sensor_noise(scene: Scene, rng: np.random.Generator) -> FloatArray:
    """Noise as strong and as coarse as the scene's own finest grain: float32 [H, W], mean 0.

    Smooth drawn surfaces (smoke, mud) look pasted on without it.
    """
    residual = scene.luminance - blur(scene.luminance, 0.8)
    flat = scene.roughness <= np.quantile(scene.roughness, 0.25)
    strength = 1.4826 * float(np.median(np.abs(residual[flat])))
    grain = blur(rng.standard_normal(scene.shape).astype(np.float32), 0.45)
    return (grain * np.float32(min(strength, 0.04) / max(float(grain.std()), 1e-6))).astype(np.float32)


def detail_noise(scene: Scene, rng: np.random.Generator) -> FloatArray:
    """Noise with the scene's own spectrum of relative contrast up to its grain: float32 [H, W], mean 0.

    New ground (soil, rubble, ash) textured with it is as sharp and as coarse as the picture around it.
    """
    relative = texture(scene, scene.grain) - 1.0
    taper = np.hanning(scene.height + 2)[1:-1, None] * np.hanning(scene.width + 2)[None, 1:-1]
    power = np.abs(np.fft.rfft2(relative * taper)) ** 2
    frequency = np.hypot(np.fft.fftfreq(scene.height)[:, None], np.fft.rfftfreq(scene.width)[None, :])
    ring = np.rint(frequency * scene.short_side).astype(np.int64)
    radial = np.bincount(ring.ravel(), power.ravel()) / np.maximum(np.bincount(ring.ravel()), 1)
    white = np.fft.rfft2(rng.standard_normal(scene.shape))
    field = np.fft.irfft2(white * np.sqrt(radial)[ring], s=scene.shape)
    field *= np.clip(float(relative.std()), 0.04, 0.30) / max(float(field.std()), 1e-9)
    return np.clip(field, -0.9, 0.9).astype(np.float32)


def sunlit_white(scene: Scene) -> FloatArray:
    """Colour [3] of something white in this scene's sun: neutral, with a trace of the light's own colour."""
    brightness = min(1.25 * float(scene.light.mean()), 0.97)
    tint = 0.85 + 0.15 * scene.light / scene.light.mean()
    return np.asarray(np.minimum(brightness * tint, 1.0), np.float32)


def black_level(scene: Scene) -> FloatArray:
    """Colour [3] of the scene's darkest pixels: in haze and sky light even char is no darker."""
    darkest = np.quantile(scene.rgb.reshape(-1, 3), 0.01, axis=0)
    return np.minimum(darkest, 0.25).astype(np.float32)


def texture(scene: Scene, size: float) -> FloatArray:
    """The scene's own light and dark within ``size`` pixels: luminance over its local mean, [H, W]."""
    local = blur(scene.luminance, size)
    return (scene.luminance / np.maximum(local, 0.03)).astype(np.float32)


def edge_softness(luminance: FloatArray, where: NDArray[np.bool_] | None = None) -> float:
    """Deviation in pixels of the blur of the sharp edges of [H, W]: a step's height over its steepest slope, 0.2…2.1.

    where: [H, W], the part that is looked at; of a ship at sea not the water, which has the fine grain of any picture.
    """
    gradient = np.hypot(*np.gradient(luminance))
    seen = np.ones(luminance.shape, np.bool_) if where is None else where
    steep = seen & (gradient >= np.quantile(gradient[seen], 0.97))
    if float(gradient[steep].mean()) < 1e-4:
        return 0.5
    step = ndimage.maximum_filter(luminance, 7) - ndimage.minimum_filter(luminance, 7)
    widths = step[steep] / (np.sqrt(2.0 * np.pi) * np.maximum(gradient[steep], 1e-4))
    # A perfect step, of which a central difference sees half, would measure 0.8.
    return float(0.85 * np.sqrt(np.clip(np.quantile(widths, 0.1) ** 2 - 0.7**2, 0.05, 6.0)))


def _as_soft_as(scene: Scene, image: FloatArray, mask: FloatArray, softness: float) -> tuple[FloatArray, FloatArray]:
    """Image [H, W, 3] and mask [H, W]: what is new in them is blurred as the scene's sensor would, the scene is not."""
    sigma = float(np.sqrt(max(0.0, scene.softness**2 - softness**2)))
    if sigma < LEAST_SOFTENING:
        return image, mask
    new = np.asarray(image - (1.0 - mask)[..., None] * scene.rgb, np.float32)
    soft = blur(mask, sigma)
    return np.asarray((1.0 - soft)[..., None] * scene.rgb + blur(new, sigma), np.float32), soft


def finish(
    scene: Scene, image: FloatArray, mask: FloatArray, area: FloatArray, softness: float = DRAWN_SOFTNESS
) -> Drawing:
    """Make what was drawn no sharper than the scene, clip to 0…1 and let image and mask agree.

    The scene stays where the mask is below 1 % or area is 0. softness: deviation in pixels of the blur that what is new
    already has.
    """
    image, mask = _as_soft_as(scene, image, np.clip(mask, 0.0, 1.0), softness)
    image = np.clip(image, 0.0, 1.0).astype(np.float32)
    changed = (mask >= 0.01) & (area > 0.0) & (image != scene.rgb).any(-1)
    return Drawing(
        image=np.where(changed[..., None], image, scene.rgb).astype(np.float32),
        mask=np.where(changed, np.clip(mask, 0.0, 1.0), 0.0).astype(np.float32),
    )
