"""Polygons of GeoJSON, GeoPackage, Shapefile and other vector files, brought to a scene."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .libraries import pyogrio, rasterio, shapely
from .source import GeoSource

VECTORS = (".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml")
_STARTS = {
    ".gpkg": re.compile(rb"SQLite format 3\0"),
    ".shp": re.compile(rb"\0\0\x27\x0a"),
    ".fgb": re.compile(rb"fgb"),
    ".kml": re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<kml[\s>]", re.DOTALL),
}
"""How a file of each kind begins. GDAL goes by the content alone, and a VRT reads further files and addresses."""
_CRS_NAME = re.compile(r"(?:urn:(?:x-)?ogc:def:crs:)?[A-Za-z]+:[\w.]*:?\w+")
"""Of GeoJSON: "EPSG:32610", "urn:ogc:def:crs:EPSG::32610". GDAL would fetch an address and open a file."""
_HEAD = 8192
LONGITUDE_LATITUDE = "EPSG:4326"
"""What GeoJSON is in (RFC 7946)."""
MARGIN = 0.5
"""How far around a scene polygons are brought to it, as a share of its size."""


def read_polygons(path: Path, source: GeoSource) -> list[dict[str, Any]]:
    """The polygons of a file near a scene in its CRS, as GeoJSON geometries; at least one, none of them empty.

    Points and lines beside them count for nothing. Raises InputError.
    """
    if source.crs is None:
        raise InputError(f"{source.path} has no CRS, so {path} cannot be laid over it; give a mask or pixels, x,y,w,h.")
    _check_kind(path)
    geometries, crs = _geojson(path) if path.suffix.lower() in (".geojson", ".json") else _with_pyogrio(path)
    polygons = [part for each in geometries for part in _parts(each)]
    if not polygons:
        raise InputError(f"{path} holds no polygon; draw the region as polygons.")
    try:
        with rasterio().Env():
            near = _brought(polygons, crs, source)
    except Exception as error:  # GDAL, PROJ and shapely raise their own kinds
        raise InputError(f"{path} cannot be brought into the scene's CRS; check that it has the right one.") from error
    if not near:
        raise InputError(f"{path} does not meet the scene {source.path}; check where both lie.")
    return near


def _check_kind(path: Path) -> None:
    kind = path.suffix.lower()
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path.") from None
    except (OSError, ValueError) as error:  # the latter for a path with NUL
        raise InputError(f"{path} cannot be read ({error}); check the path.") from error
    if kind in _STARTS and (_STARTS[kind].match(head) is None or b"<OGR" in head):
        raise InputError(f"{path} cannot be read as polygons; export it as GeoJSON or GeoPackage.")


def _brought(polygons: list[Any], crs: str, source: GeoSource) -> list[dict[str, Any]]:
    lib = rasterio()
    own = lib.crs.CRS.from_user_input(crs)
    around = None if own == source.crs else _surroundings(source, own)
    if around is not None:
        # Far vertices, such as those of a country, may not exist in the scene's CRS.
        polygons = [part for each in polygons for part in _parts(_valid(each).intersection(around))]
    return [lib.warp.transform_geom(own, source.crs, shapely().geometry.mapping(each)) for each in polygons]


def _geojson(path: Path) -> tuple[list[Any], str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        features = content["features"] if content["type"] == "FeatureCollection" else [content]
        found = [each["geometry"] if each["type"] == "Feature" else each for each in features]
        geometries = [shapely().geometry.shape(each) for each in found if each]
        # RFC 7946 dropped this member; QGIS and ogr2ogr still write it.
        named = ((content.get("crs") or {}).get("properties") or {}).get("name") or LONGITUDE_LATITUDE
        if _CRS_NAME.fullmatch(named) is None:
            raise ValueError(f"{named} names no CRS")
        return geometries, LONGITUDE_LATITUDE if "CRS84" in named else named
    except Exception as error:  # shapely raises its own kinds for what is no geometry
        raise InputError(f"{path} is no valid GeoJSON; export the polygons again.") from error


def _with_pyogrio(path: Path) -> tuple[list[Any], str]:
    library, shapes = pyogrio(), shapely()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of several layers the first is read
            meta, _, geometries, _ = library.raw.read(path, columns=[])
        found = [shapes.from_wkb(each) for each in (() if geometries is None else geometries) if each is not None]
    except Exception as error:  # GDAL and shapely raise their own kinds
        raise InputError(f"{path} cannot be read as polygons; export it as GeoJSON or GeoPackage.") from error
    if meta["crs"] is None:
        raise InputError(f"{path} has no CRS; save it with the one of its coordinates.")
    return found, meta["crs"]


def _parts(geometry: Any) -> Iterator[Any]:
    """The polygons that a geometry is made of."""
    if geometry.geom_type == "Polygon":
        if not geometry.is_empty:
            yield geometry
    elif hasattr(geometry, "geoms"):
        for each in geometry.geoms:
            yield from _parts(each)


def _valid(polygon: Any) -> Any:
    return polygon if polygon.is_valid else shapely().make_valid(polygon)


def _surroundings(source: GeoSource, crs: Any) -> Any:
    """The scene with a margin in another CRS, as a polygon; None where that cannot be said."""
    height, width = source.size
    steps = np.linspace(0.0, 1.0, 21)
    ring = [(x, 0.0) for x in steps] + [(1.0, y) for y in steps] + [(1 - x, 1.0) for x in steps]
    ring += [(0.0, 1 - y) for y in steps]
    columns, rows = (
        (np.array(each) * (1 + 2 * MARGIN) - MARGIN) * side
        for each, side in zip(zip(*ring, strict=True), (width, height), strict=True)
    )
    place = source.transform
    xs, ys = place.a * columns + place.b * rows + place.c, place.d * columns + place.e * rows + place.f
    try:
        xs, ys = rasterio().warp.transform(source.crs, crs, xs, ys)
    except Exception:  # a margin may reach beyond what the scene's CRS can show
        return None
    outline = shapely().Polygon(list(zip(xs, ys, strict=True))) if np.isfinite([xs, ys]).all() else None
    return outline if outline is not None and outline.is_valid else None
