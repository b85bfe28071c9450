"""Where a bridge is: a narrow deck with water on both sides, or the strongest straight band of the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .noise import blur, smoothstep
from .scene import Scene

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Deck:
    """A straight stretch of bridge: centre (row, column), direction (dy, dx), pixel sizes."""

    centre: tuple[float, float]
    direction: tuple[float, float]
    half_width: float
    length: float
    over_water: bool


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
    """The strongest straight band (a road): two long parallel edges, neither green nor dark between."""
    factor = min(1.0, 112.0 / scene.short_side)
    small = ndimage.zoom(blur(scene.luminance, 0.4 / factor), factor, order=1)
    paved = (1.0 - scene.vegetation) * smoothstep(scene.luminance, 0.10, 0.25) * (area > 0.0)
    paved = ndimage.zoom(blur(paved.astype(np.float32), 0.4 / factor), factor, order=1)
    side = min(small.shape)
    best = -1.0
    deck = Deck(
        (0.5 * scene.height, 0.5 * scene.width),
        (0.0, 1.0),
        0.05 * scene.short_side,
        0.5 * scene.short_side,
        False,
    )
    for angle in np.arange(0.0, 180.0, 9.0):
        turned = ndimage.rotate(small, angle, reshape=False, order=1, mode="nearest")
        ground = ndimage.rotate(paved, angle, reshape=False, order=1, mode="constant")
        slope = ndimage.uniform_filter1d(
            np.clip(ndimage.gaussian_filter1d(turned, 1.0, axis=0, order=1), -0.06, 0.06),
            max(5, side // 3),
            axis=1,
        )
        for half in np.unique(np.round(np.linspace(0.03, 0.10, 6) * side)).astype(int):
            if half < 1:
                continue
            upper, lower = np.abs(np.roll(slope, half, axis=0)), np.abs(np.roll(slope, -half, axis=0))
            pair = np.minimum(upper, lower)
            fill = ndimage.uniform_filter(ground, (2 * half + 1, max(5, side // 4)))
            score = pair * fill**2
            score[: side // 5] = score[-(side // 5) :] = 0.0
            score[:, : side // 5] = score[:, -(side // 5) :] = 0.0
            row, column = np.unravel_index(int(np.argmax(score)), score.shape)
            if float(score[row, column]) > best:
                best = float(score[row, column])
                # scipy turns the picture counter-clockwise about its middle: turn the point back.
                turn = np.deg2rad(angle)
                middle = (np.array(small.shape) - 1) / 2
                y, x = row - middle[0], column - middle[1]
                at = (
                    middle[0] + np.cos(turn) * y + np.sin(turn) * x,
                    middle[1] - np.sin(turn) * y + np.cos(turn) * x,
                )
                deck = Deck(
                    centre=(float(at[0] / factor), float(at[1] / factor)),
                    direction=(float(np.sin(turn)), float(np.cos(turn))),
                    half_width=max(1.0, half / factor),
                    length=0.5 * scene.short_side,
                    over_water=False,
                )
    return deck


def find_deck(scene: Scene, area: FloatArray) -> Deck:
    """The deck of a bridge inside ``area`` [H, W]; where no water is crossed, the strongest straight band."""
    return crossing(scene, area) or strongest_band(scene, area)
