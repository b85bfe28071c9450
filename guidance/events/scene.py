"""What a scene looks like before an event: soft maps of ground cover, texture scale and light, from colour alone.

The maps are heuristics on purpose: they need no weights, work on any sensor with three visible bands, and only have
to be good enough to place a drawing where an expert would expect the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float32]


def _blur(values: FloatArray, sigma: float) -> FloatArray:
    return ndimage.gaussian_filter(values, sigma, mode="nearest").astype(np.float32)


def _step(values: FloatArray, low: float, high: float) -> FloatArray:
    """Smoothstep from 0 at ``low`` to 1 at ``high`` (either order)."""
    x = np.clip((values - low) / (high - low), 0.0, 1.0)
    return (x * x * (3.0 - 2.0 * x)).astype(np.float32)


@dataclass(frozen=True)
class Scene:
    """An image with what can be read from it. ``rgb``: float32 [H, W, 3] in 0…1."""

    rgb: FloatArray

    @property
    def height(self) -> int:
        return int(self.rgb.shape[0])

    @property
    def width(self) -> int:
        return int(self.rgb.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def short_side(self) -> int:
        return min(self.shape)

    @cached_property
    def luminance(self) -> FloatArray:
        return (self.rgb @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.float32)

    @cached_property
    def saturation(self) -> FloatArray:
        """max − min of the bands, 0…1."""
        return (self.rgb.max(-1) - self.rgb.min(-1)).astype(np.float32)

    @cached_property
    def roughness(self) -> FloatArray:
        """Local standard deviation of the luminance over about 7 pixels, relative to the scene's mean luminance."""
        mean = _blur(self.luminance, 2.5)
        variance = np.maximum(_blur(self.luminance**2, 2.5) - mean**2, 0.0)
        return (np.sqrt(variance) / max(float(self.luminance.mean()), 0.05)).astype(np.float32)

    @cached_property
    def greenness(self) -> FloatArray:
        """Excess green (2g − r − b)/(r + g + b), about −1…1; vegetation above 0.05."""
        r, g, b = np.moveaxis(self.rgb, -1, 0)
        return ((2 * g - r - b) / (r + g + b + 0.05)).astype(np.float32)

    @cached_property
    def vegetation(self) -> FloatArray:
        """0…1: trees, crops and grass."""
        return _step(_blur(self.greenness, 1.5), 0.0, 0.08)

    @cached_property
    def trees(self) -> FloatArray:
        """0…1: rough or dark vegetation (crowns and their shadows), filled at crown scale."""
        rough = _step(_blur(self.roughness, 2.0), 0.08, 0.22)
        dark = _step(_blur(self.luminance, 2.0) / max(float(self.luminance.mean()), 0.05), 1.15, 0.8)
        crowns = self.vegetation * np.maximum(rough, dark) * (1.0 - self.water)
        return np.clip(_blur(crowns, 0.012 * self.short_side) * 1.3, 0.0, 1.0).astype(np.float32)

    @cached_property
    def water(self) -> FloatArray:
        """0…1: large, connected, very smooth surfaces that are not bright and not grass-green."""
        smooth = _step(_blur(self.roughness, 1.5), 0.10, 0.05)
        not_bright = _step(self.luminance, 0.72, 0.58)
        not_grass = _step(_blur(self.greenness, 2.0), 0.16, 0.08)
        candidate = smooth * not_bright * not_grass
        labels, count = ndimage.label(candidate > 0.5)
        if count == 0:
            return np.zeros(self.shape, np.float32)
        sizes = ndimage.sum_labels(np.ones(self.shape), labels, index=np.arange(count + 1))
        sizes[0] = 0
        kept = (sizes >= 0.02 * self.height * self.width)[labels]
        kept = ndimage.binary_closing(kept, iterations=2)
        return _blur(kept.astype(np.float32), 1.0)

    @cached_property
    def built(self) -> FloatArray:
        """0…1: roofs, roads, concrete: not vegetation, not water, with straight strong edges nearby."""
        gy, gx = (ndimage.gaussian_filter(self.luminance, 1.2, order=o) for o in ((1, 0), (0, 1)))
        jxx, jyy, jxy = (_blur(v.astype(np.float32), 5.0) for v in (gx * gx, gy * gy, gx * gy))
        energy = jxx + jyy
        coherence = np.sqrt((jxx - jyy) ** 2 + 4 * jxy**2) / (energy + 1e-6)
        straight = _step((coherence * np.sqrt(energy)).astype(np.float32), 0.008, 0.03)
        return ((1.0 - self.vegetation) * (1.0 - self.water) * straight).astype(np.float32)

    @cached_property
    def bare(self) -> FloatArray:
        """0…1: soil, sand, rock and dry grass."""
        return ((1.0 - self.vegetation) * (1.0 - self.water) * (1.0 - self.built)).astype(np.float32)

    @cached_property
    def grain(self) -> float:
        """Dominant texture size in pixels (a crown, a roof detail): lag where the luminance's autocorrelation halves, ×4."""
        detail = self.luminance - _blur(self.luminance, 0.1 * self.short_side)
        spectrum = np.abs(np.fft.rfft2(detail)) ** 2
        correlation = np.fft.irfft2(spectrum, s=self.shape)
        correlation = correlation / max(float(correlation[0, 0]), 1e-9)
        reach = max(2, self.short_side // 4)
        profile = 0.5 * (correlation[0, :reach] + correlation[:reach, 0])
        below = np.flatnonzero(profile < 0.5)
        lag = float(below[0]) if below.size else float(reach)
        return float(np.clip(4.0 * lag, 4.0, 0.25 * self.short_side))

    @cached_property
    def sun(self) -> tuple[float, float]:
        """Unit vector (dy, dx) in which shadows fall: from bright sides to their dark sides at crown scale."""
        step = max(1, round(self.grain / 4))
        detail = self.luminance - _blur(self.luminance, self.grain)
        best, direction = -np.inf, (0.0, 1.0)
        for angle in np.arange(0.0, 2 * np.pi, np.pi / 8):
            dy, dx = float(np.sin(angle)), float(np.cos(angle))
            shifted = ndimage.shift(detail, (-dy * step, -dx * step), order=1, mode="nearest")
            # A shadow is a dark tail behind a bright object: bright here, dark one step along.
            score = float(np.mean(np.maximum(detail, 0.0) * np.maximum(-shifted, 0.0)))
            if score > best:
                best, direction = score, (dy, dx)
        return direction

    @cached_property
    def light(self) -> FloatArray:
        """float32 [3]: colour of the light, the mean of the brightest twentieth of the pixels, at least 0.5."""
        bright = self.luminance >= np.quantile(self.luminance, 0.95)
        return np.maximum(self.rgb[bright].mean(0), 0.5).astype(np.float32)
