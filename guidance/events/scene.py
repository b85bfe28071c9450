"""What a scene looks like before an event: soft maps of ground cover, texture and light, from colour alone.

The maps are heuristics on purpose: they need no weights, work on any sensor with three visible bands, and
only have to be good enough to place a drawing where an expert would expect the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .paving import likeliest_paving
from .regions import Region, colour_regions, local_deviation, opponent
from .rivers import joined_water, likeliest_water

FloatArray = NDArray[np.float32]


def _blur(values: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(ndimage.gaussian_filter(values, sigma, mode="nearest"), np.float32)


def _step(values: FloatArray, low: float, high: float) -> FloatArray:
    """Smoothstep from 0 at ``low`` to 1 at ``high`` (either order)."""
    x = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x), np.float32)


_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def _is_water(region: Region) -> bool:
    """Whether one region is water by its own looks. Thresholds from 33 scenes at 0.1 m to 10 m a pixel."""
    r, g, b = (float(v) for v in region.colour)
    luminance = float(region.colour @ _LUMINANCE)
    cool = b - r
    around = float(region.surrounding[2] - region.surrounding[0])
    green = (2 * g - r - b) / (r + g + b + 0.05)
    calmer = region.surrounding_roughness / max(region.roughness, 1e-3)
    if region.share < 0.04 or region.border < 0.004:
        return False
    if cool > 0.18 and cool > around + 0.1 and b >= g and region.roughness < 0.09:
        return True  # nothing else of that size is so blue; a narrow river is rough by its banks
    if region.share < 0.045 or region.border < 0.015 or region.roughness > 0.035:
        return False
    if green > 0.15 or luminance < 0.04 or luminance > (0.7 if cool > 0.03 or g - r > 0.08 else 0.5):
        return False
    if region.roughness < 0.006 and calmer > 9.0 and region.border > 0.05 and luminance < 0.6:
        return True  # neither soil nor asphalt is so smooth amid so much texture
    if cool > 0.06:
        even = region.roughness < 0.028
        return (even and calmer > 1.8) or (luminance < 0.55 and region.roughness < 0.02 and cool > 0.08)
    if cool > -0.05:
        if cool < -0.003 and luminance > 0.12 and green < 0.1:
            return False  # concrete and asphalt are a little warm, the grey of water is not
        even = region.roughness < (0.035 if luminance < 0.22 else 0.06 * luminance)
        darker = luminance < float(region.surrounding @ _LUMINANCE) - 0.03
        teal = green > 0.12 and cool > -0.01 and calmer > 4.0  # no lawn is so little yellow
        return even and calmer > 2.2 and (darker or teal or cool > around + 0.04 or calmer > 6.0)
    return calmer > 2.0 and region.roughness < 0.02 and region.share > 0.1 and r - b > 0.12


@dataclass(frozen=True)
class Scene:
    """An image with what can be read from it. ``rgb``: float32 [H, W, 3] in 0…1.

    wind: where the wind blows to, as an angle in radians from east to south; None leaves it to each drawing.
    subject: [H, W] in 0…1, where the thing lies that it is to happen to; None: wherever the event finds its place.
    has_water: whether there is water, as a text says; else only what surely is some counts.
    """

    rgb: FloatArray
    wind: float | None = None
    subject: FloatArray | None = None
    has_water: bool = False

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
        return np.asarray(self.rgb @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)

    @cached_property
    def saturation(self) -> FloatArray:
        """max − min of the bands, 0…1."""
        return np.asarray(self.rgb.max(-1) - self.rgb.min(-1), np.float32)

    @cached_property
    def roughness(self) -> FloatArray:
        """Local standard deviation of the luminance over about 7 pixels, relative to the scene's mean."""
        mean = _blur(self.luminance, 2.5)
        variance = np.maximum(_blur(self.luminance**2, 2.5) - mean**2, 0.0)
        return np.asarray(np.sqrt(variance) / max(float(self.luminance.mean()), 0.05), np.float32)

    @cached_property
    def greenness(self) -> FloatArray:
        """Excess green (2g − r − b)/(r + g + b), about −1…1; vegetation above 0.05."""
        r, g, b = np.moveaxis(self.rgb, -1, 0)
        return np.asarray((2 * g - r - b) / (r + g + b + 0.05), np.float32)

    @cached_property
    def vegetation(self) -> FloatArray:
        """0…1: trees, crops and grass."""
        return np.asarray(_step(_blur(self.greenness, 1.5), 0.0, 0.08) * (1.0 - self.water), np.float32)

    @cached_property
    def trees(self) -> FloatArray:
        """0…1: rough or dark vegetation (crowns and their shadows), filled at crown scale."""
        rough = _step(_blur(self.roughness, 2.0), 0.08, 0.22)
        dark = _step(_blur(self.luminance, 2.0) / max(float(self.luminance.mean()), 0.05), 1.15, 0.8)
        crowns = self.vegetation * np.maximum(rough, dark)
        return np.asarray(np.clip(_blur(crowns, 0.012 * self.short_side) * 1.3, 0.0, 1.0), np.float32)

    @cached_property
    def coarse(self) -> FloatArray:
        """The image with a short side of at most 192 pixels, enough for every region that matters."""
        factor = min(1.0, 192.0 / self.short_side)
        if factor == 1.0:
            return self.rgb
        sharp_enough = ndimage.gaussian_filter(self.rgb, (0.4 / factor, 0.4 / factor, 0), mode="nearest")
        return np.asarray(np.clip(ndimage.zoom(sharp_enough, (factor, factor, 1), order=1), 0.0, 1.0), np.float32)

    def to_full(self, coarse: NDArray[Any]) -> FloatArray:
        """A map of the coarse image at full size, its outline smooth and about one coarse pixel wide."""
        if coarse.shape == self.shape:
            return _blur(coarse.astype(np.float32), 0.7)
        factors = (self.height / coarse.shape[0], self.width / coarse.shape[1])
        full = ndimage.zoom(_blur(coarse.astype(np.float32), 0.7), factors, order=1, mode="nearest", grid_mode=True)
        return _step(full[: self.height, : self.width].astype(np.float32), 0.35, 0.65)

    @cached_property
    def _regions(self) -> list[Region]:
        return colour_regions(self.coarse)

    @cached_property
    def water(self) -> FloatArray:
        """0…1: rivers, lakes and sea."""
        return self.named_water if self.has_water else self.sure_water

    @cached_property
    def sure_water(self) -> FloatArray:
        """0…1: what is water by its looks alone: smooth regions unlike what surrounds them, cool, dark or muddy.

        A region counts as water by itself when it is large, reaches the border (a shadow or a roof seldom
        does) and is clearly smoother than its surroundings or clearly blue; smaller regions count when they
        have its colour.
        """
        coarse = self.coarse
        found = [region for region in self._regions if _is_water(region)]
        if not found:
            return np.zeros(self.shape, np.float32)
        colours = np.stack([region.colour for region in found])
        smooth = opponent(ndimage.gaussian_filter(coarse, (1.5, 1.5, 0), mode="nearest"))
        difference = np.sqrt(((smooth[..., None, :] - opponent(colours)) ** 2).sum(-1)).min(-1)
        calm = local_deviation((coarse @ _LUMINANCE).astype(np.float32), 1.5)
        limit = 2.5 * max(region.roughness for region in found) + 0.01
        own = np.any([region.mask for region in found], axis=0)
        alike = (difference < 0.06) & (calm < 3.0 * limit) | (difference < 0.11) & (calm < limit)
        alike = ndimage.binary_opening(alike) | own
        parts, count = ndimage.label(alike)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        touches_own = np.bincount(parts.ravel(), own.ravel(), minlength=count + 1) > 0
        kept = touches_own | (sizes > 0.006 * own.size)
        kept[0] = False
        mask = ndimage.binary_closing(kept[parts], iterations=2) | kept[parts]
        holes, _ = ndimage.label(~mask)
        small = np.bincount(holes.ravel()) < 0.0015 * own.size
        small[0] = False
        return self.to_full(mask | (small[holes] & (difference < 0.2)))

    @cached_property
    def named_water(self) -> FloatArray:
        """0…1: the water of a scene of which a text says that there is some, as a flood's does."""
        found = likeliest_water(self.coarse)
        return self.sure_water if found is None else joined_water(self.sure_water, self.to_full(found))

    @cached_property
    def likely_paving(self) -> FloatArray | None:
        """0…1: what looks most like paved ground, for a text that says there is some; None where nothing does."""
        found = likeliest_paving(self.coarse)
        return None if found is None else self.to_full(found)

    @cached_property
    def roofs(self) -> FloatArray:
        """0…1: compact man-made regions (roofs, tank tops, decks) of one colour, neither green nor water."""
        coarse = self.coarse
        roofs = np.zeros(coarse.shape[:2], bool)
        for region in colour_regions(coarse, clusters=9, least_share=0.002):
            r, g, b = (float(v) for v in region.colour)
            green = (2 * g - r - b) / (r + g + b + 0.05)
            rows, columns = (np.flatnonzero(region.mask.any(axis)) for axis in (1, 0))
            inside = region.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            extent = float(np.mean(inside))
            filled = ndimage.binary_fill_holes(inside)
            # Straight or round outlines have few border pixels for their size; crowns and shadows have many.
            inner = np.count_nonzero(ndimage.binary_erosion(np.pad(filled, 1)))
            compact = float(inner) / float(np.count_nonzero(filled))
            contrast = float(np.linalg.norm(opponent(region.colour) - opponent(region.surrounding)))
            dark = 0.299 * r + 0.587 * g + 0.114 * b < 0.16
            if green < 0.06 and not dark and region.share < 0.25 and region.border < 0.2:
                roofs |= region.mask & bool(extent > 0.42 and compact > 0.7 and contrast > 0.12)
        return np.asarray(np.minimum(self.to_full(ndimage.binary_closing(roofs)), 1.0 - self.water), np.float32)

    @cached_property
    def low(self) -> FloatArray:
        """0…1: ground a rising water would take: near the water (or the darkest smooth places) and open.

        1 in the water, falling with the way from it; trees, roofs and rough texture are higher.
        """
        height = self.ground_height
        highest = max(float(np.quantile(height, 0.95)), 1e-3)
        return np.asarray(np.clip(1.0 - height / highest, 0.0, 1.0), np.float32)

    @cached_property
    def ground_height(self) -> FloatArray:
        """Pseudo-height ≥ 0 in short sides: 0 in the water, rising with the way from it, and on obstacles."""
        source = self.water > 0.5
        if not source.any():
            smooth = _step(_blur(self.roughness, 0.01 * self.short_side), 0.35, 0.1)
            dark = 1.5 * _blur(self.luminance, 0.03 * self.short_side)
            lowest = smooth * (1.0 - np.maximum(self.roofs, self.built)) - dark - self.trees
            source = lowest >= np.quantile(lowest, 0.97)
        distance = ndimage.distance_transform_edt(~source) / self.short_side
        obstacles = 0.10 * self.trees + 0.12 * np.maximum(self.roofs, self.built)
        obstacles += 0.2 * np.clip(_blur(self.roughness, 3.0) - 0.12, 0.0, 0.6)
        # Bridges, ships and piers stand out of the water wherever they are; banks only away from its edge.
        bright = self.luminance / max(float(self.luminance.mean()), 0.05)
        standing = _step(_blur(self.roughness, 1.0), 0.18, 0.32) * _step(_blur(bright, 1.0), 1.0, 1.3)
        rises = 0.25 * standing + obstacles * _step(distance.astype(np.float32), 0.01, 0.07)
        return np.asarray(distance + rises, np.float32)

    @cached_property
    def built(self) -> FloatArray:
        """0…1: roofs, roads, concrete: not vegetation, not water, with straight strong edges nearby."""
        gy, gx = (ndimage.gaussian_filter(self.luminance, 1.2, order=o) for o in ((1, 0), (0, 1)))
        jxx, jyy, jxy = (_blur(v.astype(np.float32), 5.0) for v in (gx * gx, gy * gy, gx * gy))
        energy = jxx + jyy
        coherence = np.sqrt((jxx - jyy) ** 2 + 4 * jxy**2) / (energy + 1e-6)
        straight = _step((coherence * np.sqrt(energy)).astype(np.float32), 0.008, 0.03)
        return np.asarray((1.0 - self.vegetation) * (1.0 - self.water) * straight, np.float32)

    @cached_property
    def bare(self) -> FloatArray:
        """0…1: soil, sand, rock and dry grass."""
        return np.asarray((1.0 - self.vegetation) * (1.0 - self.water) * (1.0 - self.built), np.float32)

    @cached_property
    def grain(self) -> float:
        """Texture size in pixels (a crown, a roof detail): 4 × the lag where the autocorrelation halves."""
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
    def softness(self) -> float:
        """Standard deviation of the sensor's blur in pixels, 0…2.

        Scenes without blur have a power spectrum near 1/f²; a Gaussian blur takes exp(−4π²σ²f²) off it.
        """
        side = self.short_side
        window = np.outer(np.hanning(side), np.hanning(side))
        square = self.luminance[:side, :side]
        power = np.abs(np.fft.fft2((square - square.mean()) * window)) ** 2
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
        rings = np.digitize(frequency, np.linspace(0.05, 0.35, 16))
        counts = np.bincount(rings.ravel(), minlength=17)[1:16]
        there = counts > 0
        sums = [np.bincount(rings.ravel(), v.ravel(), minlength=17)[1:16] for v in (power, frequency)]
        mean, at = (each[there] / counts[there] for each in sums)
        slope = np.polyfit(at**2, np.log(np.maximum(mean, 1e-12)) + 2.0 * np.log(at), 1)[0]
        return float(np.clip(np.sqrt(max(0.0, -slope / (4.0 * np.pi**2))), 0.0, 2.0))

    @cached_property
    def sun(self) -> tuple[float, float]:
        """Unit vector (dy, dx) in which shadows fall: from bright to dark sides at crown scale."""
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
        """float32 [3]: colour of the light, the mean of the brightest twentieth, at least 0.5."""
        bright = self.luminance >= np.quantile(self.luminance, 0.95)
        return np.asarray(np.maximum(self.rgb[bright].mean(0), 0.5), np.float32)
