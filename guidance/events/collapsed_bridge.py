"""Collapsed bridge: one span is gone, its ends are torn, its slabs lie tilted in the water or on land."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .bridges import find_deck
from .deck import Deck
from .fallen_span import draw_fallen_span
from .likeness import finish, sensor_noise
from .noise import along, blur, fractal_noise, mix, shift, smoothstep
from .objects import Pieces, lay_pieces, scatter
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

MOST_GREEN = 0.4
"""Share of a band that may be green without other signs that it is a deck."""
MOST_GREEN_ROAD = 0.52
"""The same for a band as narrow as a road: asphalt of a tinted picture passes for green."""
_ROAD = 0.2
"""Half width of the widest road, in short sides; what is wider is a field's."""
CONCRETE = np.array([0.66, 0.63, 0.58], np.float32)


def _sample(image: FloatArray, rows: FloatArray, columns: FloatArray) -> FloatArray:
    bands = [ndimage.map_coordinates(image[..., c], [rows, columns], order=1, mode="mirror") for c in range(3)]
    return np.asarray(np.stack(bands, -1), np.float32)


def _below(scene: Scene, deck: Deck, across: FloatArray, half: float, rng: np.random.Generator) -> FloatArray:
    """What the deck hid [H, W, 3]: the water of both sides, mirrored inwards and blended."""
    rows, columns = np.indices(scene.shape, dtype=np.float32)
    # The unit vector across the deck in (row, column), matching ``along``'s second coordinate.
    ny, nx = -deck.direction[1], deck.direction[0]
    margin = half + max(1.5, 0.15 * half)
    sides, quality = [], []
    river = scene.water > 0.5
    typical = np.median(scene.rgb[river], axis=0) if river.any() else np.median(scene.rgb, axis=(0, 1))
    for sign in (1.0, -1.0):
        move = np.asarray(sign * 2.0 * margin - 2.0 * across, np.float32)
        sides.append(_sample(scene.rgb, rows + ny * move, columns + nx * move))
        wet = ndimage.map_coordinates(scene.water, [rows + ny * move, columns + nx * move], order=1, mode="mirror")
        quality.append(smoothstep(wet, 0.5, 0.95) * smoothstep(sign * across, -1.1 * half, 1.1 * half) + 1e-6)
    total = quality[0] + quality[1]
    blended = (sides[0] * quality[0][..., None] + sides[1] * quality[1][..., None]) / total[..., None]
    near = river & (np.abs(across) < 5.0 * half + 8.0)
    tone = np.median(scene.rgb[near], axis=0) if near.any() else typical
    ripples = sensor_noise(scene, rng) + 0.012 * (fractal_noise(scene.shape, (2.0, 5.0), rng, octaves=2) - 0.5)
    return mix(tone + ripples[..., None], blended, smoothstep(total, 0.25, 0.7))


def _tear(across: FloatArray, half: float, rng: np.random.Generator) -> FloatArray:
    """Pixels a broken end reaches out at each place across the deck: oblique lines between random corners."""
    count = 15
    corners = np.sort(rng.uniform(-2.2 * half, 2.2 * half, count))
    reach = 0.15 * half * rng.normal(0.0, 1.0, count)
    fine = max(0.4, 0.05 * half) * rng.uniform(-1.0, 1.0, 4 * count)
    at = np.linspace(-2.2 * half, 2.2 * half, 4 * count)
    return np.asarray(np.interp(across, corners, reach) + np.interp(across, at, fine), np.float32)


def _rubble(scene: Scene, deck: Deck, surface: BoolArray, places: NDArray[np.intp], rng: np.random.Generator) -> Pieces:
    """Pieces of the deck at the given places, in the colours of its surface [H, W], wet."""
    light = scene.light / float(scene.light.max())
    own = scene.rgb[surface] if surface.any() else CONCRETE[None]
    blend = rng.uniform(0.2, 0.8, (len(places), 1))
    colours = own[rng.integers(0, len(own), len(places))] * blend + CONCRETE * light * (1.0 - blend)
    colours = colours * rng.uniform(0.45, 1.0, (len(places), 1))
    long = rng.random(len(places)) < 0.2
    lengths = np.maximum(1.2, 0.09 * deck.half_width * rng.lognormal(0.0, 0.5, len(places)))
    slender = np.where(long, 0.15, rng.uniform(0.4, 0.9, len(places)))
    return Pieces(places, colours, lengths * np.where(long, 2.5, 1.0), slender)


def _stands_out(scene: Scene, deck: Deck, on_deck: BoolArray, v: FloatArray) -> bool:
    """Whether a green band is a deck for all that: it casts a shadow, and most that varies on it does so across.

    Some pictures are tinted as a whole. Crop rows run as straight but lie flat; crowns cast shadows but vary both ways.
    """
    line = np.rint(v[on_deck] + deck.half_width).astype(np.int64)
    light = scene.luminance[on_deck]
    means = np.bincount(line, light) / np.maximum(np.bincount(line), 1)
    return abs(deck.shade) > 1.5 and float(np.var(means[line])) > 0.42 * float(np.var(light))


@dataclass(frozen=True)
class CollapsedBridge:
    name: str = "collapsed_bridge"
    phrases: tuple[str, ...] = (
        "the bridge is collapsed",
        "a collapsed bridge",
        "the bridge has fallen into the river",
        "a broken bridge",
        "one span of the bridge is missing",
        "the bridge was destroyed",
        "bridge collapse",
        "the overpass collapsed",
        "a gap in the bridge deck",
        "bridge washed away",
        "the flyover is broken in two",
        "the bridge was bombed",
    )
    typical_share: float = 0.03
    local: bool = True

    def suitability(self, scene: Scene) -> FloatArray:
        everywhere = np.ones(scene.shape, np.float32)
        deck = find_deck(scene, everywhere)
        u, v = deck.frame(scene.shape)
        inside = smoothstep(np.abs(v), 1.6 * deck.half_width, deck.half_width)
        # Where the shadow of a deck falls things change too.
        far = abs(deck.shade) + 6.0
        shadow = smoothstep(np.sign(deck.shade) * v - deck.half_width, 1.4 * far, 1.2 * far) * (v * deck.shade > 0.0)
        reach = 0.5 * deck.length
        on_deck = (np.abs(v) < deck.half_width) & (np.abs(u) < reach)
        most = MOST_GREEN_ROAD if deck.half_width < _ROAD * scene.short_side else MOST_GREEN
        green = float(np.mean(scene.vegetation, where=on_deck)) > most if on_deck.any() else False
        if green and not deck.over_water and not _stands_out(scene, deck, on_deck & (np.abs(u) < 0.7 * reach), v):
            return np.zeros(scene.shape, np.float32)
        inside = np.maximum(inside, shadow)
        return np.asarray(inside * smoothstep(np.abs(u), 1.15 * reach, 0.9 * reach), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        deck = find_deck(scene, area)
        if not deck.over_water:
            return draw_fallen_span(scene, deck, area, severity, rng)
        return self._draw_over_water(scene, deck, area, severity, rng)

    def _draw_over_water(
        self, scene: Scene, deck: Deck, area: FloatArray, severity: float, rng: np.random.Generator
    ) -> Drawing:
        half = deck.half_width
        gap = max(3.0, (1.2 + 3.2 * severity) * half, (0.04 + 0.18 * severity) * scene.short_side)
        gap = min(gap, max(3.0, 0.75 * deck.length))
        freedom = max(0.0, 0.5 * deck.length - 0.6 * gap)
        place = float(rng.uniform(-freedom, freedom))
        centre = (deck.centre[0] + place * deck.direction[0], deck.centre[1] + place * deck.direction[1])
        u, v = along(scene.shape, deck.direction, centre)
        # The deck's own shadow on the water goes with it.
        margin = 2 * round(0.5 * max(1.0, 0.15 * half)) + 1
        clear = blur(ndimage.minimum_filter(scene.water, size=2 * margin + 1), 0.6)
        body = smoothstep(clear, 0.6, 0.3) * (np.abs(v) < 1.5 * half + 2.0)
        skew = float(rng.uniform(-0.3, 0.3))
        ends = 0.5 * gap - np.abs(u + skew * v) + np.where(u > 0, _tear(v, half, rng), _tear(v, half, rng))
        open_ = np.asarray(np.clip(ends + 0.5, 0.0, 1.0) * body, np.float32)
        paved = smoothstep(np.abs(v), 1.06 * half + 0.5, 1.06 * half - 0.5) * body
        deck_left = paved * (1.0 - open_)

        image = mix(scene.rgb, _below(scene, deck, v, 1.22 * half + 1.0, rng), open_)
        cover = open_.astype(np.float32)
        light = scene.light / float(scene.light.max())
        dy, dx = scene.sun
        drop = max(1.0, 0.35 * half)
        cast = shift(deck_left.astype(np.float32), dy * drop, dx * drop) * open_
        image = mix(image, image * 0.55, 0.8 * cast)
        # Of a narrow span in coarse pixels, one slab at most is still to be seen.
        signs = (1.0, -1.0) if half > 7.0 else (float(rng.choice([-1.0, 1.0])),)
        for sign in signs:
            self._slab(
                scene,
                deck,
                image,
                cover,
                centre=centre,
                frame=(u, v),
                sign=sign,
                gap=gap,
                open_=open_,
                rng=rng,
            )
        broken = np.clip(1.0 - np.abs(ends + 0.8) / max(0.9, 0.10 * half), 0.0, 1.0) * deck_left
        image = mix(image, CONCRETE * light * 0.95, 0.75 * broken)
        under = np.clip(1.0 - np.abs(ends - 0.8) / max(0.9, 0.08 * half), 0.0, 1.0) * open_ * paved
        image = mix(image, image * 0.25, 0.8 * under)
        cover = np.asarray(np.maximum(cover, 0.75 * broken), np.float32)
        # Dust and cracks on what stands, next to the break.
        worn = smoothstep(ends, -0.9 * half, 0.0) * deck_left * fractal_noise(scene.shape, 0.6 * half + 1.0, rng)
        image = mix(image, image * 0.55 + 0.2 * CONCRETE * light, 0.7 * worn)
        cover = np.asarray(np.maximum(cover, 0.7 * worn), np.float32)

        # Pieces lie where the span broke off; few float in the middle of the gap.
        spread = smoothstep(ends, 0.5 * gap, 0.0)
        density = open_ * (0.12 + spread) * smoothstep(np.abs(v), 1.3 * half, 0.4 * half) + 0.4 * worn
        surface = (body > 0.5) & (np.abs(u) < 2.0 * gap)
        count = int((10 + 50 * severity) * min(1.0, half / 12.0))
        places = scatter(np.asarray(density * (area > 0.0), np.float32), count, rng)
        lay_pieces(
            image,
            cover,
            _rubble(scene, deck, surface, places, rng),
            (dy * 0.08 * half, dx * 0.08 * half),
            rng,
        )
        image = image + (0.7 * sensor_noise(scene, rng) * np.clip(cover, 0.0, 1.0))[..., None]
        return finish(scene, image, cover, area)

    def _slab(
        self,
        scene: Scene,
        deck: Deck,
        image: FloatArray,
        cover: FloatArray,
        *,
        centre: tuple[float, float],
        frame: tuple[FloatArray, FloatArray],
        sign: float,
        gap: float,
        open_: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        """The fallen piece at one end: the deck's own surface, turned, its far end under water."""
        u, v = frame
        half = deck.half_width
        length = min(gap * float(rng.uniform(0.30, 0.40)), 1.7 * half)
        turn = float(rng.uniform(-0.3, 0.3))
        away = 0.5 * gap - 0.52 * length - float(rng.uniform(0.04, 0.10)) * gap
        s, t = u - sign * away, v - float(rng.uniform(-0.25, 0.25)) * half
        s, t = s * np.cos(turn) + t * np.sin(turn), t * np.cos(turn) - s * np.sin(turn)
        shape = np.minimum(0.5 * length - np.abs(s) + _tear(t, half, rng), 0.96 * half - np.abs(t))
        slab = np.clip(shape + 0.5, 0.0, 1.0) * open_
        # Its picture is that of the deck beyond the gap, tilted: shortened along, darker on the way down.
        source_u, source_v = sign * (0.5 * gap + 0.35 * length) + 1.5 * s, t
        ny, nx = -deck.direction[1], deck.direction[0]
        rows = centre[0] + source_u * deck.direction[0] + source_v * ny
        columns = centre[1] + source_u * deck.direction[1] + source_v * nx
        surface = _sample(scene.rgb, rows.astype(np.float32), columns.astype(np.float32))
        down = np.clip(0.5 - sign * s / max(length, 1.0), 0.0, 1.0)
        surface = surface * (0.92 - 0.30 * down)[..., None]
        dy, dx = scene.sun
        fall = max(1.0, 0.16 * half)
        shadow = shift(slab.astype(np.float32), dy * fall, dx * fall) * open_ * (1.0 - slab)
        sunk = smoothstep(down + 0.25 * (fractal_noise(scene.shape, 0.5 * half + 1.0, rng) - 0.5), 0.55, 0.95)
        seen = slab * (1.0 - 0.85 * sunk)
        edge = np.clip(1.0 - np.abs(shape - 0.5) / max(0.8, 0.06 * half), 0.0, 1.0) * seen
        image[:] = mix(image, image * 0.45, 0.85 * shadow)
        image[:] = mix(image, surface, seen)
        image[:] = mix(image, np.minimum(image * 1.2 + 0.05, 1.0), 0.5 * edge)
        np.maximum(cover, np.maximum(0.85 * shadow, seen), out=cover)


COLLAPSED_BRIDGE = CollapsedBridge()
