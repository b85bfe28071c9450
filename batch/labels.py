"""Regions from the labels of published datasets: boxes of ships, outlines of buildings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..errors import InputError

Ring = list[tuple[float, float]]
Polygon = list[Ring]
"""In pixels: its outline, then its holes."""

_BOXES = (
    ("object", "bndbox/xmin", "bndbox/ymin", "bndbox/xmax", "bndbox/ymax"),  # Pascal VOC
    ("HRSC_Object", "box_xmin", "box_ymin", "box_xmax", "box_ymax"),  # HRSC2016 before its "-MS"
)
_POLYGON = re.compile(r"\(\s*(\([^()]*\)(?:\s*,\s*\([^()]*\))*)\s*\)")
_RING = re.compile(r"\(([^()]*)\)")


def read_boxes(path: Path) -> list[Polygon]:
    """The boxes of an XML file of HRSC2016-MS. Raises InputError."""
    try:
        root = ElementTree.parse(path).getroot()
        boxes = [
            tuple(float(each.findtext(corner, "")) for corner in corners)
            for kind, *corners in _BOXES
            for each in root.iter(kind)
        ]
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise InputError(f"The boxes {path} cannot be read ({error}); copy the file again.") from error
    return [[[(x, y), (right, y), (right, bottom), (x, bottom)]] for x, y, right, bottom in boxes]


def read_buildings(path: Path) -> list[Polygon]:
    """The buildings of a JSON file of xBD, in pixels. Raises InputError."""
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]["xy"]
        return [polygon for each in features for polygon in _wkt_polygons(str(each["wkt"]))]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"The buildings {path} cannot be read ({error}); copy the file again.") from error


READERS: Mapping[str, Callable[[Path], list[Polygon]]] = {"boxes": read_boxes, "buildings": read_buildings}


def read_region(reader: str, path: Path, size: tuple[int, int]) -> Tensor | None:
    """float32 [H, W], 1 inside what the label marks; None where that is all of the picture.

    Raises InputError for a label that cannot be read, or that marks nothing of the picture.
    """
    height, width = size
    mask = np.zeros((height, width), np.uint8)
    for outline, *holes in READERS[reader](path):
        mask = np.maximum(mask, _filled(outline, holes, size)) if holes else _fill(mask, outline)
    if not mask.any():
        raise InputError(f"The label {path} marks nothing of its picture of {width}×{height} px; leave it out.")
    return None if mask.all() else torch.from_numpy(mask).float()


def _fill(mask: np.ndarray, outline: Ring, value: int = 1) -> np.ndarray:
    image = Image.fromarray(mask)
    ImageDraw.Draw(image).polygon(outline, fill=value)
    return np.array(image)


def _filled(outline: Ring, holes: Polygon, size: tuple[int, int]) -> np.ndarray:
    mask = _fill(np.zeros(size, np.uint8), outline)
    for hole in holes:
        mask = _fill(mask, hole, 0)
    return mask


def _wkt_polygons(text: str) -> list[Polygon]:
    """The polygons of "POLYGON ((x y, …), …)" or "MULTIPOLYGON (((x y, …)), …)"."""
    polygons = [[_ring(ring) for ring in _RING.findall(part)] for part in _POLYGON.findall(text)]
    if "EMPTY" not in text and not polygons:
        raise ValueError(f"'{text[:40]}' is no polygon in WKT")
    return polygons


def _ring(text: str) -> Ring:
    points = [tuple(map(float, point.split()[:2])) for point in text.split(",")]
    if len(points) < 3:
        raise ValueError("a ring of a polygon has fewer than three points")
    return [(x, y) for x, y in points]
