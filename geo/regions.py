"""Where an edit may act: pixels, map coordinates, a mask or polygons, of any place on the earth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..guidance.regions import Window, whole
from ..rasters.layout import Array
from ..rasters.regions import is_rectangle, parse_rectangle
from .libraries import rasterio
from .source import GeoSource, opened, pixels_of, rasterio_window
from .vectors import VECTORS, read_polygons

MAP = "map:"
"""What the text of a rectangle in map coordinates begins with."""
JPEG_BLACK = 8
"""Of 255."""
_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_BOUNDS = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_STRIP = 2048
_SPARE = 2
"""Pixels of a mask beyond the scene, so that none is lost between two grids."""


@dataclass(frozen=True, eq=False)
class Region:
    """The smallest window around a region, and the region in it: mask [h, w], True = may change."""

    window: Window
    mask: NDArray[np.bool_]


def find_region(text: str, source: GeoSource) -> Region:
    """The region that a text means, in pixels of ``source``; what lies off the scene is cut off.

    text: "x,y,w,h" in pixels; "map:left,bottom,right,top" in the scene's CRS; or the path of a mask raster (not 0 = may
    change; placed by its CRS, or by its pixels where it has none and the scene's size) or of polygons in any CRS.
    Raises InputError where it cannot be read, or does not meet the scene.
    """
    if is_rectangle(text):
        x, y, w, h = parse_rectangle(text, source.size, "scene")
        return Region(Window(y, x, y + h, x + w), np.ones((h, w), bool))
    if not np.isfinite(source.transform).all() or source.transform.is_degenerate:
        raise InputError(f"{source.path} says of its place what no place can be; give the region in pixels, x,y,w,h.")
    if text.startswith(MAP):
        return _of_shapes([_box(text, source)], f"The region '{text}'", source)
    path = Path(text)
    name = f"The region {path}"
    if path.suffix.lower() in VECTORS:
        return _of_shapes(read_polygons(path, source), name, source)
    return _of_mask(path, name, source)


def region_files(*texts: str | None) -> tuple[Path, ...]:
    """The files that texts of regions are paths of."""
    return tuple(Path(text) for text in texts if text and not is_rectangle(text) and not text.startswith(MAP))


def _box(text: str, source: GeoSource) -> dict[str, Any]:
    match = _BOUNDS.fullmatch(text.removeprefix(MAP))
    if match is None:
        raise InputError(
            f"The region '{text}' is not map:left,bottom,right,top; "
            "write for example map:299000,4200100,299300,4200400."
        )
    if source.transform.is_identity:
        raise InputError(f"The region '{text}' is in map coordinates and {source.path} has none; give pixels, x,y,w,h.")
    left, bottom, right, top = (float(number) for number in match.groups())
    if left >= right or bottom >= top:
        raise InputError(f"The region '{text}' has no area; left must be below right and bottom below top.")
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return {"type": "Polygon", "coordinates": [ring]}


def _of_shapes(shapes: Sequence[dict[str, Any]], name: str, source: GeoSource) -> Region:
    lib = rasterio()
    points = np.array([point[:2] for shape in shapes for ring in _rings(shape) for point in ring], np.float64)
    columns, rows = pixels_of(source.transform, points[:, 0], points[:, 1])
    if not (np.isfinite(columns).all() and np.isfinite(rows).all()):
        raise InputError(f"{name} lies outside what the scene's CRS can show; check the CRS of both.")
    window = _within(rows.min(), columns.min(), rows.max(), columns.max(), name, source)
    place = lib.windows.transform(rasterio_window(window), source.transform)
    inside = lib.features.geometry_mask(shapes, window.size, place, all_touched=False, invert=True)
    if not inside.any():
        inside = lib.features.geometry_mask(shapes, window.size, place, all_touched=True, invert=True)
    return _trimmed(window, inside, name, source)


def _rings(shape: dict[str, Any]) -> Iterator[Any]:
    for polygon in [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]:
        yield from polygon


def _of_mask(path: Path, name: str, source: GeoSource) -> Region:
    lib = rasterio()
    with opened(path) as file:
        if file.crs is None or source.crs is None:
            if (file.height, file.width) != source.size:
                raise InputError(
                    f"{name} has {file.width}×{file.height} px and no CRS, and the scene has "
                    f"{source.size[1]}×{source.size[0]} px; give a mask of the scene's size, or one with a CRS."
                )
            return _trimmed(*_selected(file, whole(source.size)), name, source)
        # Looked for from the scene: the far ends of a large mask may not exist in the scene's CRS.
        there = _meeting(file, whole(source.size), source.transform, source.crs, name, source)
        own, selected = _selected(file, there)
        if not selected.any():
            raise InputError(f"{name} selects nothing of {source.path}; paint the pixels to edit there white.")
        xs, ys = _edges(own, file.transform)
        xs, ys = (np.asarray(each) for each in lib.warp.transform(file.crs, source.crs, xs, ys))
        columns, rows = pixels_of(source.transform, xs, ys)
        window = _within(rows.min() - 1, columns.min() - 1, rows.max() + 1, columns.max() + 1, name, source)
        inside = np.zeros(window.size, np.uint8)
        lib.warp.reproject(
            selected.astype(np.uint8),
            inside,
            src_transform=lib.windows.transform(rasterio_window(own), file.transform),
            src_crs=file.crs,
            dst_transform=lib.windows.transform(rasterio_window(window), source.transform),
            dst_crs=source.crs,
            resampling=lib.enums.Resampling.nearest,
        )
    return _trimmed(window, inside > 0, name, source)


def _meeting(file: Any, scene: Window, transform: Any, crs: Any, name: str, source: GeoSource) -> Window:
    """The window of a mask that shows ``scene``, with some pixels around it."""
    xs, ys = _edges(scene, transform)
    xs, ys = (np.asarray(each) for each in rasterio().warp.transform(crs, file.crs, xs, ys))
    columns, rows = pixels_of(file.transform, xs, ys)
    finite = np.isfinite(columns) & np.isfinite(rows)
    if not finite.all():
        return whole((file.height, file.width))
    return _within(
        rows.min() - _SPARE, columns.min() - _SPARE, rows.max() + _SPARE, columns.max() + _SPARE, name, source,
        (file.height, file.width),
    )  # fmt: skip


def _edges(window: Window, transform: Any) -> tuple[Array, Array]:
    """Map coordinates of points along the edges of a window."""
    across, down = np.linspace(window.left, window.right, 21), np.linspace(window.top, window.bottom, 21)
    columns = np.concatenate([across, across, np.full(21, window.left), np.full(21, window.right)])
    rows = np.concatenate([np.full(21, window.top), np.full(21, window.bottom), down, down])
    return (
        transform.a * columns + transform.b * rows + transform.c,
        transform.d * columns + transform.e * rows + transform.f,
    )


def _selected(file: Any, part: Window) -> tuple[Window, NDArray[np.bool_]]:
    """The smallest window of a mask's part that holds all its values but 0, read in strips, and where they are."""
    lib = rasterio()
    colours = [band for band, each in enumerate(file.colorinterp, 1) if each.name != "alpha"] or [1]
    # JPEG rings around edges: what differs so little from black is meant to be it.
    least = JPEG_BLACK if "JPEG" in f"{file.driver} {file.tags(ns='IMAGE_STRUCTURE').get('COMPRESSION')}" else 0
    strips: list[tuple[int, NDArray[np.bool_]]] = []
    for top in range(part.top, part.bottom, _STRIP):
        bottom = min(part.bottom, top + _STRIP)
        place = lib.windows.Window(part.left, top, part.width, bottom - top)
        values = np.nan_to_num(file.read(colours, window=place, masked=True).filled(0), posinf=1, neginf=1)
        found = np.asarray((np.abs(values.astype(np.float32)) > least).any(0))
        if found.any():
            strips.append((top, found))
    if not strips:
        return Window(0, 0, 1, 1), np.zeros((1, 1), bool)
    top, bottom = strips[0][0], strips[-1][0] + len(strips[-1][1])
    inside = np.zeros((bottom - top, part.width), bool)
    for start, found in strips:
        inside[start - top : start - top + len(found)] = found
    return trimmed(Window(top, part.left, bottom, part.right), inside)


def _within(
    top: float,
    left: float,
    bottom: float,
    right: float,
    name: str,
    source: GeoSource,
    size: tuple[int, int] | None = None,
) -> Window:
    """The whole pixels between, within ``size``, which is that of the source if not given."""
    height, width = size or source.size
    window = Window(
        int(np.clip(np.floor(top), 0, height)),
        int(np.clip(np.floor(left), 0, width)),
        int(np.clip(np.ceil(bottom), 0, height)),
        int(np.clip(np.ceil(right), 0, width)),
    )
    if window.top >= window.bottom or window.left >= window.right:
        raise InputError(f"{name} does not meet the scene {source.path}; check where both lie.")
    return window


def _trimmed(window: Window, inside: NDArray[np.bool_], name: str, source: GeoSource) -> Region:
    """The part of a window that its region needs."""
    if not inside.any():
        raise InputError(f"{name} selects nothing of {source.path}; check where both lie.")
    return Region(*trimmed(window, inside))


def trimmed(window: Window, inside: NDArray[np.bool_]) -> tuple[Window, NDArray[np.bool_]]:
    """The smallest part of a window, and of the mask [h, w] of it, that holds all that is True; some has to be."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    part = Window(window.top + top, window.left + left, window.top + bottom, window.left + right)
    return part, inside[top:bottom, left:right]
