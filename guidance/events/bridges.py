"""Where a bridge is: a narrow deck with water on both sides, or the band of the scene that runs on over all others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .deck import Deck, measured
from .noise import blur, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]


def crossing(scene: Scene, area: FloatArray) -> Deck | None:
    """A narrow strip that is no water with water on both sides; None where there is none."""
    factor = min(1.0, 160.0 / scene.short_side)
    water = ndimage.zoom(scene.water, factor, order=1) > 0.5
    allowed = ndimage.zoom(area, factor, order=1) > 0.0
    allowed = allowed[: water.shape[0], : water.shape[1]]
    side = min(water.shape)
    if np.mean(water) < 0.03:
        return None
    reach = max(3, round(0.13 * side))
    padded = np.pad(water, reach + 1)
    distance = ndimage.distance_transform_edt(~padded)
    closed = ndimage.distance_transform_edt(distance <= reach) > reach
    strips = closed[reach + 1 : -reach - 1, reach + 1 : -reach - 1] & ~water & allowed
    parts, count = ndimage.label(ndimage.binary_opening(strips))
    best, deck = 0.0, None
    for index in range(1, count + 1):
        rows, columns = np.nonzero(parts == index)
        if len(rows) < 0.0015 * water.size:
            continue
        centre = np.array([rows.mean(), columns.mean()])
        offset = np.stack([rows, columns], -1) - centre
        _, vectors = np.linalg.eigh(offset.T @ offset)
        for direction in (vectors[:, 1], vectors[:, 0]):
            across = np.array([-direction[1], direction[0]])
            # Walk across the strip: a bridge has water beyond both sides all along its middle part.
            spans = []
            for step in np.linspace(-0.35, 0.35, 9) * np.ptp(offset @ direction):
                middle = centre + step * direction
                ends = []
                for sign in (1.0, -1.0):
                    path = middle + sign * np.arange(0.0, 1.6 * reach, 0.5)[:, None] * across
                    at = np.round(path).astype(int)
                    valid = (at >= 0).all(1) & (at < water.shape).all(1)
                    wet = np.zeros(len(at), bool)
                    wet[valid] = water[at[valid, 0], at[valid, 1]]
                    if wet.any():
                        first = int(np.argmax(wet))
                        beyond = at[first : first + 2 * reach][valid[first : first + 2 * reach]]
                        if water[beyond[:, 0], beyond[:, 1]].mean() > 0.8:
                            ends.append(0.5 * first)
                if len(ends) == 2:
                    spans.append((step, ends[0] + ends[1], 0.5 * (ends[0] - ends[1])))
            if len(spans) < 4:
                continue
            width = float(np.median([span[1] for span in spans]))
            length = max(span[0] for span in spans) - min(span[0] for span in spans)
            score = len(spans) * length / (1.0 + width)
            if score > best and length > 0.8 * width:
                best = score
                step = 0.5 * (max(span[0] for span in spans) + min(span[0] for span in spans))
                middle = centre + step * direction + float(np.median([span[2] for span in spans])) * across
                deck = Deck(
                    centre=(float(middle[0] / factor), float(middle[1] / factor)),
                    direction=(float(direction[0]), float(direction[1])),
                    half_width=max(1.0, 0.5 * width / factor),
                    length=float(1.25 * length / factor),
                    over_water=True,
                )
    return deck


def strongest_band(scene: Scene, area: FloatArray) -> Deck:
    """The band that looks most like an elevated deck: long parallel edges, shade beside, and running on over others."""
    factor = min(1.0, 112.0 / scene.short_side)
    bright = scene.luminance / max(float(scene.luminance.mean()), 0.05)
    paved = (1.0 - scene.vegetation) * smoothstep(bright, 0.3, 0.7)
    maps = (scene.luminance, paved, smoothstep(bright, 0.6, 0.35), (area > 0.0).astype(np.float32))
    small = [ndimage.zoom(blur(np.asarray(m, np.float32), 0.4 / factor), factor, order=1) for m in maps]
    best = -1.0
    deck = Deck(
        (0.5 * scene.height, 0.5 * scene.width),
        (0.0, 1.0),
        max(1.0, 0.05 * scene.short_side),
        0.5 * scene.short_side,
        False,
    )
    for angle in np.arange(0.0, 180.0, 7.5):
        score, place, half = _level_band([_turned(m, float(angle)) for m in small])
        if score <= best:
            continue
        best = score
        # scipy turns the picture counter-clockwise about its middle: turn the point back.
        turn = np.deg2rad(angle)
        middle = (np.array(small[0].shape) - 1) / 2
        y, x = np.array(place) - middle
        row = middle[0] + np.cos(turn) * y + np.sin(turn) * x
        column = middle[1] - np.sin(turn) * y + np.cos(turn) * x
        deck = replace(
            deck,
            centre=(float(row / factor), float(column / factor)),
            direction=(float(np.sin(turn)), float(np.cos(turn))),
            half_width=max(1.0, half / factor),
        )
    return deck


def _turned(values: FloatArray, angle: float) -> FloatArray:
    """Turned about its middle in its own frame; NaN where the turned picture does not reach."""
    return np.asarray(ndimage.rotate(values, angle, reshape=False, order=1, mode="constant", cval=np.nan), np.float32)


def _level_band(turned: list[FloatArray]) -> tuple[float, tuple[int, int], int]:
    """Score, middle (row, column) and half width of the best level band in [luminance, paved, dark, allowed]."""
    seen = (~np.isnan(turned[0])).astype(np.float32)
    picture = np.where(seen > 0.0, turned[0], np.nanmean(turned[0]))
    ground, dark, allowed = (np.nan_to_num(m) for m in turned[1:])
    side = min(picture.shape)
    third, quarter, most = max(5, side // 3), max(5, side // 4), max(5, int(0.7 * side))
    inner = ndimage.minimum_filter(seen, 5)
    slope = np.clip(ndimage.gaussian_filter1d(picture, 1.0, axis=0, order=1), -0.06, 0.06) * inner
    slope = np.abs(ndimage.uniform_filter1d(slope, third, axis=1))
    # What crosses a band makes it vary along itself: a road is interrupted by the deck above it, the deck by nothing.
    varied = np.minimum(np.abs(ndimage.gaussian_filter1d(picture, 1.0, axis=1, order=1)), 0.06) * inner
    weight = ndimage.uniform_filter1d(inner, most, axis=1, mode="constant")
    varied = ndimage.uniform_filter1d(varied, most, axis=1, mode="constant") / np.maximum(weight, 0.05)
    ground = ndimage.uniform_filter1d(ground, quarter, axis=1)
    dark = ndimage.uniform_filter1d(dark, quarter, axis=1)
    strip = max(3, side // 8)
    around = ndimage.uniform_filter1d(varied, strip, axis=0)
    border = side // 5
    best = (-1.0, (picture.shape[0] // 2, picture.shape[1] // 2), 1)
    for half in np.unique(np.round(np.geomspace(0.03, 0.22, 9) * side)).astype(int).tolist():
        if half < 1:
            continue
        pair = np.minimum(np.roll(slope, half, axis=0), np.roll(slope, -half, axis=0))
        fill = ndimage.uniform_filter1d(ground, 2 * half + 1, axis=0)
        within = ndimage.uniform_filter1d(varied, max(1, 2 * half - 1), axis=0)
        away = half + 1 + strip // 2
        beside = 0.5 * (np.roll(around, away, axis=0) + np.roll(around, -away, axis=0))
        runs_on = np.clip((beside - within) / (beside + within + 0.002), 0.0, 1.0)
        score = pair * (0.3 + 0.7 * fill) ** 2 * (0.15 + shade_beside(dark, half)) * (0.05 + runs_on)
        # Parapets and lanes are bands too.
        score = score * (allowed > 0.5) * min(1.0, half / (0.09 * side)) ** 0.5
        score[:border] = score[-border:] = 0.0
        score[:, :border] = score[:, -border:] = 0.0
        row, column = np.unravel_index(int(np.argmax(score)), score.shape)
        if float(score[row, column]) > best[0]:
            best = (float(score[row, column]), (int(row), int(column)), half)
    return best


def shade_beside(dark: FloatArray, half: int) -> FloatArray:
    """How dark it is along one side of a level band of half width ``half`` about each place, [h, w] in 0…1.

    A deck that stands above its surroundings throws a shadow along one side; a road on the ground does not.
    dark: [h, w] in 0…1, already averaged along the band.
    """
    strip = ndimage.uniform_filter1d(dark, half + 1, axis=0)
    away = half + half // 2 + 1
    return np.asarray(
        np.clip(np.abs(np.roll(strip, away, axis=0) - np.roll(strip, -away, axis=0)), 0.0, 1.0), np.float32
    )


def find_deck(scene: Scene, area: FloatArray) -> Deck:
    """The deck of a bridge inside ``area`` [H, W]; where no water is crossed, the band that runs on over all others."""
    return crossing(scene, area) or measured(scene, strongest_band(scene, area))
