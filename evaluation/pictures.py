"""Pictures for a page: small enough to travel inside it, true enough to be looked at."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from ..rasters.files import read_raster
from ..rasters.layout import as_rgb, eight_bit
from ..rasters.raster import Raster, unit_pixels

LARGEST = 768
"""Longest side in pixels of a picture in a page; a larger one is reduced to it."""
QUALITY = 90


def edited_pixels(path: Path, source: Raster) -> Tensor:
    """The picture of an edit in the values of its source: float [C, H, W] in 0…1. Raises InputError."""
    return unit_pixels(read_raster(path).stored, source.low, source.high).clamp(0.0, 1.0)


def data_uri(pixels: Tensor) -> str:
    """float [C, H, W] in 0…1 → its visible colours as a JPEG in a data URI."""
    picture = Image.fromarray(eight_bit(as_rgb(pixels)))
    picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def outlines(region: Tensor) -> list[str]:
    """The borders of ``region`` [H, W] > 0 as points of SVG polygons, in pixels of the picture."""
    from skimage.measure import approximate_polygon, find_contours  # noqa: PLC0415 (slow to load)

    inside = np.pad((region > 0).numpy().astype(np.float64), 1)
    # A pixel's centre is half a pixel from the picture's corner, and the padding is one pixel wide.
    found = find_contours(inside, 0.5)  # type: ignore[no-untyped-call]
    lines = [approximate_polygon(line - 0.5, 0.35) for line in found]  # type: ignore[no-untyped-call]
    return [" ".join(f"{x:.1f},{y:.1f}" for y, x in line) for line in lines]


def bounding_box(region: Tensor) -> tuple[int, int, int, int]:
    """x, y, w, h in pixels of the rectangle around ``region`` [H, W] > 0, which is not empty."""
    rows, columns = (region > 0).nonzero().unbind(1)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1
