"""The ground beneath a span that is gone: what lay in its shadow and under it, carried on from both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .deck import Deck
from .noise import blur, fractal_noise, mix, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]

_LANE = 0.08
"""Half of the stretch, in short sides, in which a stripe of the ground is compared with what is usual."""
_SHADED = 0.6
"""Light along a line beside the deck, as a share of that nearer to it, below which the line lies in a shadow."""
_PALE = 0.03
"""Difference of hue that a narrow stripe or a detail of the ground may have: vehicles have more."""


@dataclass(frozen=True)
class Span:
    """The missing stretch of a deck, and where the light comes from.

    u, v: pixels along and across the deck [H, W]. gap: length along. inside: pixels inside the gap's torn ends [H, W],
    negative on what stands. fall: (along, across), where a shadow falls from the height of the deck, in pixels.
    shadow: colour factors [3] of ground in shade. edges: how far from the middle line the deck's sides are to be seen,
    on its sunlit and on its shaded side.
    """

    deck: Deck
    u: FloatArray
    v: FloatArray
    gap: float
    inside: FloatArray
    fall: tuple[float, float]
    shadow: FloatArray
    edges: tuple[float, float]

    @property
    def half(self) -> float:
        return self.deck.half_width

    def footprint(self) -> FloatArray:
        """0…1 [H, W]: what the deck hides, and on its sunlit side its own edge seen from above, in pixels beyond."""
        offset = np.where(self.v * np.sign(self.deck.shade or 1.0) < 0.0, self.edges[0], self.edges[1])
        return smoothstep(np.abs(self.v) - offset, 0.8, -0.8)


def sample(picture: FloatArray, deck: Deck, u: FloatArray, v: FloatArray) -> FloatArray:
    """The picture [H, W] or [H, W, 3] at places along and across a deck; nearest beyond its border."""
    at = deck.locate(u, v)
    if picture.ndim == 2:
        return np.asarray(ndimage.map_coordinates(picture, at, order=1, mode="nearest"), np.float32)
    bands = [ndimage.map_coordinates(picture[..., c], at, order=1, mode="nearest") for c in range(3)]
    return np.stack(bands, -1).astype(np.float32)


def _tear(v: FloatArray, half: float, rng: np.random.Generator) -> FloatArray:
    """Pixels a broken end reaches out at each place across: breaks along joints, steps between them, splinters."""
    starts = np.sort(rng.uniform(-1.3, 1.3, 5)) * half
    ends = np.append(starts[1:], 1.3 * half)
    steps = rng.normal(0.0, 0.2 * half, 5)
    places = np.stack([starts, starts + 0.85 * (ends - starts)], -1).ravel()
    reach = np.stack([steps, steps + rng.normal(0.0, 0.08 * half, 5)], -1).ravel()
    splinters = rng.normal(0.0, 0.04 * half, 22)
    fine = np.interp(v, np.linspace(-1.3, 1.3, 22) * half, splinters)
    skew = float(rng.uniform(-0.35, 0.35)) * v
    return np.asarray(np.interp(v, places, reach) + fine + skew, np.float32)


def _free_of_cars(scene: Scene, deck: Deck, gap: float, rng: np.random.Generator) -> float:
    """Where along the deck to place the gap: at random, but its ends cut no car."""
    room = max(0.0, 0.5 * deck.length - 0.62 * gap)
    u = np.arange(-0.5 * deck.length, 0.5 * deck.length + 1.0, dtype=np.float32)
    v = np.linspace(-0.85, 0.85, 25, dtype=np.float32) * deck.half_width
    strip = sample(scene.luminance, deck, *(np.ascontiguousarray(g) for g in np.meshgrid(u, v)))
    odd = np.abs(strip - np.median(strip, 1, keepdims=True)) > 0.12
    odd = ndimage.uniform_filter1d(odd.mean(0), max(3, int(0.7 * deck.half_width)))
    places = rng.uniform(-room, room, 24)
    cost = np.interp(places - 0.5 * gap, u, odd) + np.interp(places + 0.5 * gap, u, odd)
    return float(places[int(np.argmin(cost + 0.02 * rng.random(24)))])


def plan_span(scene: Scene, deck: Deck, severity: float, rng: np.random.Generator) -> Span:
    """Choose where the span breaks off, and measure the shade of the deck there."""
    half = deck.half_width
    gap = max(4.0, (1.0 + 2.4 * severity) * half, (0.10 + 0.36 * severity) * scene.short_side)
    gap = min(gap, max(4.0, min(0.72 * deck.length, 0.45 * scene.short_side)))
    deck = deck.moved(_free_of_cars(scene, deck, gap, rng))
    u, v = deck.frame(scene.shape)
    ends = np.where(u > 0, _tear(v, half, rng), _tear(v, half, rng))
    inside = np.asarray(0.5 * gap - np.abs(u) + ends, np.float32)
    # The shadow lies beside the deck as far as it falls; without one in sight the deck is low.
    across = deck.shade if abs(deck.shade) > 1.0 else 0.25 * half * float(rng.choice([-1.0, 1.0]))
    sun_u = scene.sun[0] * deck.direction[0] + scene.sun[1] * deck.direction[1]
    sun_v = scene.sun[1] * deck.direction[0] - scene.sun[0] * deck.direction[1]
    slant = sun_u / abs(sun_v) if sun_v * across > 0.2 else 0.0
    fall = (float(np.clip(slant, -0.5, 0.5)) * abs(across), float(across))
    edge = half + 1.2 + 0.016 * scene.short_side
    edges = (edge, half + 1.8 if abs(deck.shade) > 1.0 else edge)
    return Span(deck, u, v, float(gap), inside, fall, _shadow_colour(scene, deck, u, v), edges)


def texture_limit(scene: Scene) -> float:
    """How far a place may differ from the mean along a lane before it is no texture but a car, and is levelled."""
    fine = scene.luminance - blur(scene.luminance, 2.0)
    return float(np.clip(4.0 * np.median(np.abs(fine)), 0.04, 0.14))


def _shadow_colour(scene: Scene, deck: Deck, u: FloatArray, v: FloatArray) -> FloatArray:
    """Colour factors [3] between the shaded ground beside the deck and the sunlit ground beyond it."""
    beyond = (v * np.sign(deck.shade) - deck.half_width) if deck.shade else v
    near = np.abs(u) < 0.5 * deck.length
    shaded = near & (beyond > 0.2 * abs(deck.shade)) & (beyond < 0.7 * abs(deck.shade))
    lit = near & (beyond > 1.3 * abs(deck.shade)) & (beyond < 3.0 * abs(deck.shade))
    if abs(deck.shade) < 3.0 or min(np.count_nonzero(shaded), np.count_nonzero(lit)) < 20:
        return np.array([0.40, 0.42, 0.46], np.float32)
    factors = np.median(scene.rgb[shaded], axis=0) / np.maximum(np.median(scene.rgb[lit], axis=0), 0.05)
    return np.asarray(np.clip(factors, 0.12, 0.65), np.float32)


def shaded_ground(scene: Scene, span: Span, ground: FloatArray) -> FloatArray:
    """0…1 [H, W]: pixels beside the deck that lie in its shadow now: much darker than the sunlit ground [H, W, 3]."""
    side, width = np.sign(span.deck.shade), abs(span.deck.shade)
    if width < 1.0:
        return np.zeros(scene.shape, np.float32)
    beyond = side * span.v - span.half
    window = (beyond > -2.0) & (beyond < 1.25 * width + 2.0)
    limit = 0.5 * (1.0 + float(span.shadow.mean()))
    dark = ndimage.binary_closing((blur(scene.luminance, 0.7) < limit * ground.mean(-1)) & window, iterations=2)
    # Half shade is part of it.
    dark = ndimage.binary_dilation(ndimage.binary_opening(dark, iterations=2), iterations=3) & window
    return smoothstep(blur(dark.astype(np.float32), 1.6), 0.2, 0.7)


def uncovered(scene: Scene, span: Span, rng: np.random.Generator) -> FloatArray:
    """The ground under the span and its shadow, sunlit, [H, W, 3]: that of both sides continued beneath it."""
    reach = [edge + 1.5 for edge in span.edges]
    reach[1] += 1.1 * abs(span.deck.shade)
    if span.deck.shade < 0.0:
        reach.reverse()
    sides = [_continued(scene, span, sign, edge) for sign, edge in zip((-1.0, 1.0), reach, strict=True)]
    middle = 0.5 * (reach[1] - reach[0])
    width = 0.5 * (reach[0] + reach[1])
    wavy = span.v - middle + 0.35 * width * (fractal_noise(scene.shape, 0.8 * width + 2.0, rng) - 0.5)
    weight = smoothstep(wavy, -0.45 * width, 0.45 * width)
    trust = (sides[1][1] * weight) / np.maximum(sides[1][1] * weight + sides[0][1] * (1.0 - weight), 1e-6)
    return mix(sides[0][0], sides[1][0], trust)


def _continued(scene: Scene, span: Span, sign: float, edge: float) -> tuple[FloatArray, FloatArray]:
    """The ground of one side carried on beneath the span along its own lines, and how far it is known [H, W]."""
    depth = _sunlit_depth(scene, span, sign, edge, max(6.0, 1.2 * span.half, 0.14 * scene.short_side))
    u = np.arange(-1.2 * span.gap - depth, 1.2 * span.gap + depth, 1.0, dtype=np.float32)
    lines = (sign * (edge + np.linspace(0.0, depth, 18))).astype(np.float32)
    slope = max(
        np.linspace(-1.6, 1.6, 33).tolist(),
        key=lambda k: _line_contrast(scene, span.deck, u, lines, k),
    )
    profile = _without_lorries(scene, np.median(_sheared(scene.rgb, span.deck, u, lines, slope), axis=0))
    at_u = np.asarray(span.u - slope * (span.v - sign * edge), np.float32)
    plain = np.stack([np.interp(at_u, u, profile[:, c]) for c in range(3)], -1).astype(np.float32)
    back = sign * (edge + depth - np.abs((edge - sign * span.v) % (2.0 * depth) - depth))
    source_u, source_v = (at_u + slope * (back - sign * edge)).astype(np.float32), back.astype(np.float32)
    mirrored = sample(scene.rgb, span.deck, source_u, source_v)
    rows, columns = span.deck.locate(source_u, source_v)
    seen = (rows >= 0) & (rows <= scene.height - 1) & (columns >= 0) & (columns <= scene.width - 1)
    limit = texture_limit(scene)
    detail = np.clip(_paled(mirrored - plain), -limit, limit) * seen[..., None]
    return plain + detail, blur(seen.astype(np.float32), 2.0) + np.float32(0.02)


def _sunlit_depth(scene: Scene, span: Span, sign: float, edge: float, depth: float) -> float:
    """How far from the span, ``depth`` pixels at most, the ground of a side goes on before another deck's shadow."""
    u = np.arange(-0.7 * span.gap, 0.7 * span.gap, 1.0, dtype=np.float32)
    away = np.arange(0.0, depth + 1.0, 1.0, dtype=np.float32)
    grid = [np.ascontiguousarray(g, np.float32) for g in np.meshgrid(u, sign * (edge + away))]
    light = np.median(sample(scene.luminance, span.deck, *grid), axis=1)
    dark = np.flatnonzero(light < _SHADED * np.maximum.accumulate(light))
    return depth if not len(dark) else float(np.clip(dark[0] - 2.0, 5.0, depth))


def _without_lorries(scene: Scene, profile: FloatArray) -> FloatArray:
    """The mean colours [N, 3] along a deck without the hue of narrow stripes: a long vehicle leaves one, no ground."""
    usual = ndimage.median_filter(profile, (2 * round(_LANE * scene.short_side) + 1, 1), mode="nearest")
    return np.asarray(usual + _paled(profile - usual), np.float32)


def _paled(difference: FloatArray) -> FloatArray:
    """A difference of colours [..., 3] with its light and dark, but little of its hue."""
    light = difference.mean(axis=-1, keepdims=True)
    hue = difference - light
    strength = np.linalg.norm(hue, axis=-1, keepdims=True)
    return np.asarray(light + hue * np.minimum(1.0, _PALE / np.maximum(strength, 1e-6)), np.float32)


def _sheared(picture: FloatArray, deck: Deck, u: FloatArray, lines: FloatArray, slope: float) -> FloatArray:
    """The picture along lines at offsets ``lines`` across, each shifted so that what runs at ``slope`` stands still."""
    v = np.repeat(lines[:, None], len(u), axis=1)
    return sample(picture, deck, np.asarray(u[None, :] + slope * (v - lines[0]), np.float32), v)


def _line_contrast(scene: Scene, deck: Deck, u: FloatArray, lines: FloatArray, slope: float) -> float:
    """How sharp the mean of the lines is when those at ``slope`` are laid over each other; steep ones are unlikely."""
    mean = _sheared(scene.luminance, deck, u, lines, slope).mean(0)
    return float((np.diff(ndimage.gaussian_filter1d(mean, 1.0)) ** 2).sum()) * (1.0 - 0.1 * abs(slope))
