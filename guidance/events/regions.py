"""Regions of one colour: clusters, their connected parts, and the object a rectangle was drawn around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Box = tuple[slice, slice]

CROSS: BoolArray = ndimage.generate_binary_structure(2, 1)
"""A pixel and its four neighbours; making it anew costs more than a small part's erosion."""


@dataclass(frozen=True)
class Region:
    """A connected part of a colour cluster. mask: bool [H, W]; colours: float32 [3]; roughnesses."""

    mask: BoolArray
    share: float
    colour: FloatArray
    surrounding: FloatArray
    roughness: float
    surrounding_roughness: float
    border: float
    """Share of the image's border pixels that lie in the region."""


def opponent(rgb: FloatArray) -> FloatArray:
    """[..., 3] RGB to luminance, warm − cool and green − magenta, of about equal visual weight."""
    luminance = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    warm = rgb[..., 0] - rgb[..., 2]
    green = rgb[..., 1] - 0.5 * (rgb[..., 0] + rgb[..., 2])
    return np.asarray(np.stack([luminance, 1.5 * warm, 2.5 * green], axis=-1), np.float32)


def steepest_slope(colour: FloatArray, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Slopes along rows and columns, [H, W] each, of whichever band of ``colour`` [H, W, C] is steepest there."""
    down, across = (
        np.stack(
            [ndimage.gaussian_filter(band, sigma, order=order, mode="nearest") for band in np.moveaxis(colour, -1, 0)]
        )
        for order in ((1, 0), (0, 1))
    )
    steepest = np.argmax(down**2 + across**2, axis=0)[None]
    gy, gx = (np.take_along_axis(slope, steepest, 0)[0] for slope in (down, across))
    return gy, gx


class Edges:
    """How steep a picture is [h, w], and which way its edges run, right angles counting as one way.

    colour: [h, w, C]; sigma: pixels of the blur over which slopes are taken.
    """

    def __init__(self, colour: FloatArray, sigma: float) -> None:
        gy, gx = steepest_slope(colour, sigma)
        self._slope = np.hypot(gy, gx)
        self._turn = np.exp(4j * np.arctan2(gy, gx)) * self._slope

    def straightness(self, outline: BoolArray, window: Box = (slice(None), slice(None))) -> float:
        """0…1: whether the edges along an outline, bool over the window, run one way or across it."""
        slope, turn = self._slope[window][outline], self._turn[window][outline]
        return float(np.abs(turn.sum()) / (slope.sum() + 1e-6))


def cluster_centres(points: FloatArray, count: int, iterations: int = 8) -> FloatArray:
    """k-means without chance: each start is at the 97th percentile of distance from those before. [K, C]."""
    centres = points.mean(0, keepdims=True)
    for _ in range(count):
        distance = ((points[:, None] - centres[None]) ** 2).sum(-1).min(1)
        centres = np.vstack([centres, points[np.argsort(distance, kind="stable")[int(0.97 * (len(points) - 1))]]])
    centres = centres[1:]
    for _ in range(iterations):
        nearest = nearest_centre(points, centres)
        centres = np.stack([points[nearest == i].mean(0) if (nearest == i).any() else centres[i] for i in range(count)])
    return np.asarray(centres, np.float32)


def nearest_centre(points: FloatArray, centres: FloatArray) -> NDArray[np.intp]:
    """Index of the nearest centre for each of the points [..., C]."""
    return np.asarray(np.argmin(((points[..., None, :] - centres) ** 2).sum(-1), axis=-1))


def local_deviation(luminance: FloatArray, sigma: float = 2.0) -> FloatArray:
    mean = ndimage.gaussian_filter(luminance, sigma, mode="nearest")
    square = ndimage.gaussian_filter(luminance * luminance, sigma, mode="nearest")
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0.0)), np.float32)


def connected_parts(labels: NDArray[np.intp], smallest: float, largest: float) -> Iterator[tuple[BoolArray, Box]]:
    """Each labelled part whose share of the picture lies between these: bool [h, w] of its box, and the box."""
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        part = labels[box] == index
        if smallest < np.count_nonzero(part) / labels.size < largest:
            yield part, box


def border_of(shape: tuple[int, ...]) -> BoolArray:
    """The outermost pixels of a picture [H, W]."""
    border = np.zeros(shape, bool)
    border[[0, -1]] = border[:, [0, -1]] = True
    return border


def stretch(mask: BoolArray) -> float:
    """How much farther two or more pixels spread along their longest way than across it, as a ratio of variances."""
    across, along = np.linalg.eigvalsh(np.cov(np.argwhere(mask).T))
    return float(along / max(float(across), 1.0))


def share_at_border(
    rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, ...], margin: int = 1
) -> float:
    """Of an outline's pixels, the share that lies on the border of a picture [H, W] or within ``margin`` of it, 0…1."""
    at = (rows < margin) | (columns < margin) | (rows >= shape[0] - margin) | (columns >= shape[1] - margin)
    return float(at.mean()) if len(at) else 0.0


def colour_regions(rgb: FloatArray, clusters: int = 7, least_share: float = 0.012) -> list[Region]:
    """Connected parts of the colour clusters of a small image [H, W, 3], largest first."""
    smooth = ndimage.median_filter(
        opponent(ndimage.gaussian_filter(rgb, (1.5, 1.5, 0), mode="nearest")), (5, 5, 1)
    ).astype(np.float32)
    points = smooth.reshape(-1, 3)
    labels = nearest_centre(smooth, cluster_centres(points[:: max(1, len(points) // 6000)], clusters))
    roughness = local_deviation((rgb @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.float32))
    pixels = labels.size
    edge = border_of(labels.shape)
    regions = []
    for cluster in range(clusters):
        parts, _ = ndimage.label(ndimage.binary_opening(labels == cluster))
        for index, box in enumerate(ndimage.find_objects(parts), start=1):
            size = int(np.count_nonzero(parts[box] == index))
            if size < max(least_share * pixels, 9):
                continue
            mask = parts == index
            core = ndimage.binary_erosion(mask, iterations=2)
            core = core if np.count_nonzero(core) >= 20 else mask
            near = ndimage.binary_dilation(mask, iterations=2)
            ring = ndimage.binary_dilation(near, iterations=4) & ~near
            ring = ring if ring.any() else mask
            regions.append(
                Region(
                    mask=mask,
                    share=size / pixels,
                    colour=np.median(rgb[core], axis=0).astype(np.float32),
                    surrounding=np.median(rgb[ring], axis=0).astype(np.float32),
                    roughness=float(np.median(roughness[core])),
                    surrounding_roughness=float(np.median(roughness[ring])),
                    border=float(np.mean(mask[edge])),
                )
            )
    return sorted(regions, key=lambda region: -region.share)


def largest_part(mask: BoolArray) -> BoolArray:
    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == int(np.argmax(sizes)))


def object_within(rgb: FloatArray, area: FloatArray, unlikely: FloatArray) -> BoolArray:
    """The object a region of interest was drawn around: what fills its middle and not its rim. bool [H, W].

    rgb: [H, W, 3]. area: [H, W], the region. unlikely: [H, W] in 0…1, where no object is (vegetation, water).
    Colours more frequent in the middle of the region than along its rim, inside and outside, are the object.
    """
    inside = area > 0.5
    if np.count_nonzero(inside) < 16:
        return np.asarray(area > 0)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    side = max(4, min(len(rows), len(columns)))
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] / side
    outside = ndimage.distance_transform_edt(~inside) / side
    rim = (inside & (depth < 0.1)) | (~inside & (outside < 0.1))
    middle = inside & (depth > 0.22)
    if not middle.any() or not rim.any():
        return inside
    smooth = opponent(ndimage.gaussian_filter(rgb, (1.0, 1.0, 0), mode="nearest"))
    centres = cluster_centres(smooth[inside][:: max(1, np.count_nonzero(inside) // 4000)], 8)
    labels = nearest_centre(smooth, centres)
    probability = np.zeros(len(centres), np.float32)
    for index in range(len(centres)):
        is_cluster = labels == index
        centre, at_rim = float(np.mean(is_cluster[middle])), float(np.mean(is_cluster[rim]))
        probability[index] = centre / (centre + at_rim + 1e-3)
    score = probability[labels] * (1.0 - unlikely) * inside
    score = ndimage.gaussian_filter(score.astype(np.float32), max(1.0, 0.012 * side), mode="nearest")
    score = score * np.clip(depth * 8.0, 0.0, 1.0)
    mask = ndimage.binary_closing(score > 0.42, iterations=max(1, round(0.012 * side)))
    mask = ndimage.binary_opening(mask, iterations=max(1, round(0.015 * side)))
    if not mask.any():
        return np.asarray(middle)
    mask = largest_part(mask)
    return np.asarray(ndimage.binary_fill_holes(mask) & inside)
