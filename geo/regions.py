"""Where an edit may act: pixels, map coordinates, a mask or polygons, of any place on the earth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..guidance.regions import Window
from ..rasters.regions import is_rectangle
from .libraries import pyogrio, rasterio, shapely
from .source import GeoSource, opened

MAP = "map:"
"""What the text of a rectangle in map coordinates begins with."""
VECTORS = (".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml")
LONGITUDE_LATITUDE = "EPSG:4326"
"""What GeoJSON is in (RFC 7946)."""
_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_BOUNDS = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_STRIP = 2048


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
        return _rectangle(text, source)
    if text.startswith(MAP):
        return _of_shapes([_box(text, source)], f"The region '{text}'", source)
    path = Path(text)
    name = f"The region {path}"
    if path.suffix.lower() in VECTORS:
        return _of_shapes(list(_polygons(path, source)), name, source)
    return _of_mask(path, name, source)


def _rectangle(text: str, source: GeoSource) -> Region:
    numbers = text.split(",")
    if len(numbers) != 4 or not all(re.fullmatch(r"\s*-?\d+\s*", number) for number in numbers):
        raise InputError(f"The region '{text}' is not x,y,w,h in whole pixels; write for example 40,60,120,80.")
    x, y, w, h = map(int, numbers)
    height, width = source.size
    if w <= 0 or h <= 0:
        raise InputError(f"The region '{text}' has no area; give a width and a height above 0.")
    if x < 0 or y < 0 or x + w > width or y + h > height:
        raise InputError(f"The region '{text}' lies off the scene of {width}×{height} px; keep it inside.")
    return Region(Window(y, x, y + h, x + w), np.ones((h, w), bool))


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


def _polygons(path: Path, source: GeoSource) -> Iterator[dict[str, Any]]:
    """Geometries of a file in the scene's CRS."""
    if source.crs is None:
        raise InputError(f"{source.path} has no CRS, so {path} cannot be laid over it; give a mask or pixels, x,y,w,h.")
    shapes, crs = _geojson(path) if path.suffix.lower() in (".geojson", ".json") else _with_pyogrio(path)
    lib = rasterio()
    for shape in shapes:
        try:
            yield lib.warp.transform_geom(crs, source.crs, shape)
        except Exception as error:  # GDAL, PROJ and shapely raise their own kinds
            raise InputError(f"{path} cannot be brought into the scene's CRS ({error}); check its CRS.") from error


def _geojson(path: Path) -> tuple[list[dict[str, Any]], str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        features = content["features"] if content["type"] == "FeatureCollection" else [content]
        shapes = [each["geometry"] if each["type"] == "Feature" else each for each in features]
        # RFC 7946 dropped this member; QGIS and ogr2ogr still write it.
        named = content.get("crs", {}).get("properties", {}).get("name", LONGITUDE_LATITUDE)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path.") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no GeoJSON; export the polygons again.") from error
    return [shape for shape in shapes if shape], LONGITUDE_LATITUDE if "CRS84" in named else named


def _with_pyogrio(path: Path) -> tuple[list[dict[str, Any]], str]:
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path.")
    library, shapes = pyogrio(), shapely()
    try:
        meta, _, geometries, _ = library.raw.read(path, columns=[])
    except library.errors.DataSourceError as error:
        raise InputError(f"{path} cannot be read as polygons; export it as GeoJSON or GeoPackage.") from error
    if meta["crs"] is None:
        raise InputError(f"{path} has no CRS; save it with the one of its coordinates.")
    return [shapes.geometry.mapping(shapes.from_wkb(each)) for each in geometries if each is not None], meta["crs"]


def _of_shapes(shapes: Sequence[dict[str, Any]], name: str, source: GeoSource) -> Region:
    lib = rasterio()
    if not any("Polygon" in shape["type"] or shape["type"] == "GeometryCollection" for shape in shapes):
        raise InputError(f"{name} holds no polygon; draw the region as polygons.")
    corners = np.array([~source.transform * point for shape in shapes for point in _points(shape)], np.float64)
    if not np.isfinite(corners).all():
        raise InputError(f"{name} lies outside what the scene's CRS can show; check the CRS of both.")
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    window = _within(low[1], low[0], high[1], high[0], name, source)
    size = (window.bottom - window.top, window.right - window.left)
    place = source.transform * source.transform.translation(window.left, window.top)
    inside = lib.features.geometry_mask(shapes, size, place, all_touched=False, invert=True)
    if not inside.any():
        inside = lib.features.geometry_mask(shapes, size, place, all_touched=True, invert=True)
    return _trimmed(window, inside, name, source)


def _points(shape: dict[str, Any]) -> Iterator[tuple[float, float]]:
    def flat(values: Any) -> Iterator[tuple[float, float]]:
        if values and isinstance(values[0], (int, float)):
            yield float(values[0]), float(values[1])
        else:
            for each in values:
                yield from flat(each)

    if shape["type"] == "GeometryCollection":
        for part in shape["geometries"]:
            yield from _points(part)
    else:
        yield from flat(shape["coordinates"])


def _of_mask(path: Path, name: str, source: GeoSource) -> Region:
    with opened(path) as file:
        if file.crs is None or source.crs is None:
            if (file.height, file.width) != source.size:
                raise InputError(
                    f"{name} has {file.width}×{file.height} px and no CRS, and the scene has "
                    f"{source.size[1]}×{source.size[0]} px; give a mask of the scene's size, or one with a CRS."
                )
            return _trimmed(*_selected(file), name, source)
        lib = rasterio()
        own, selected = _selected(file)
        if not selected.any():
            raise InputError(f"{name} selects nothing; give the pixels to edit another value than 0.")
        there = file.transform * file.transform.translation(own.left, own.top)
        edges = [(x, y) for x in np.linspace(own.left, own.right, 21) for y in (own.top, own.bottom)]
        edges += [(x, y) for y in np.linspace(own.top, own.bottom, 21) for x in (own.left, own.right)]
        xs, ys = zip(*(file.transform * edge for edge in edges), strict=True)
        xs, ys = lib.warp.transform(file.crs, source.crs, xs, ys)
        corners = np.array([~source.transform * point for point in zip(xs, ys, strict=True)])
        low, high = np.floor(corners.min(0)).astype(int) - 1, np.ceil(corners.max(0)).astype(int) + 1
        window = _within(low[1], low[0], high[1], high[0], name, source)
        inside = np.zeros((window.bottom - window.top, window.right - window.left), np.uint8)
        lib.warp.reproject(
            selected.astype(np.uint8),
            inside,
            src_transform=there,
            src_crs=file.crs,
            dst_transform=source.transform * source.transform.translation(window.left, window.top),
            dst_crs=source.crs,
            resampling=lib.enums.Resampling.nearest,
        )
    return _trimmed(window, inside > 0, name, source)


def _selected(file: Any) -> tuple[Window, NDArray[np.bool_]]:
    """The smallest window of a mask that holds all its values but 0, read in strips, and where they are."""
    lib = rasterio()
    strips: list[tuple[int, NDArray[np.bool_]]] = []
    for top in range(0, file.height, _STRIP):
        rows = min(_STRIP, file.height - top)
        values = file.read(1, window=lib.windows.Window(0, top, file.width, rows), masked=True)
        found = np.asarray(values.filled(0) != 0)
        if found.any():
            strips.append((top, found))
    if not strips:
        return Window(0, 0, 1, 1), np.zeros((1, 1), bool)
    top, bottom = strips[0][0], strips[-1][0] + len(strips[-1][1])
    inside = np.zeros((bottom - top, file.width), bool)
    for start, found in strips:
        inside[start - top : start - top + len(found)] = found
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    window = Window(int(top + rows[0]), int(columns[0]), int(top + rows[-1]) + 1, int(columns[-1]) + 1)
    return window, inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _within(top: int, left: int, bottom: int, right: int, name: str, source: GeoSource) -> Window:
    height, width = source.size
    window = Window(max(0, int(top)), max(0, int(left)), min(height, int(bottom)), min(width, int(right)))
    if window.top >= window.bottom or window.left >= window.right:
        raise InputError(f"{name} does not meet the scene {source.path}; check where both lie.")
    return window


def _trimmed(window: Window, inside: NDArray[np.bool_], name: str, source: GeoSource) -> Region:
    """The part of a window that its region needs."""
    if not inside.any():
        raise InputError(f"{name} selects nothing of {source.path}; check where both lie.")
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return Region(
        Window(
            window.top + int(rows[0]),
            window.left + int(columns[0]),
            window.top + int(rows[-1]) + 1,
            window.left + int(columns[-1]) + 1,
        ),
        inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1],
    )
