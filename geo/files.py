"""Which picture files are rasters on the earth, to be edited as such."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import tifffile

from ..rasters.raster import MAX_SIDE
from ..rasters.tiff import GEO_TAGS, further_pages, is_tiff

NODATA_TAG = 42113
_WORLD_FILES = (".tfw", ".tifw", ".tiffw", ".wld")
_PLACING_TAGS = tuple(tag for tag in GEO_TAGS if tag not in (42112, NODATA_TAG))


def is_tiff_file(path: Path) -> bool:
    """Whether a file is a TIFF, by its first bytes. Raises OSError."""
    with path.open("rb") as file:
        return is_tiff(file.read(4))


def is_on_earth(path: Path) -> bool:
    """Whether a file is a TIFF that has a place (also by a world file), pixels without data, or too many to be read.

    False too for what cannot be read: who reads it says why.
    """
    try:
        if not is_tiff_file(path):
            return False
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            assert isinstance(page, tifffile.TiffPage)
            tags = page.tags
            large = max(page.imagelength, page.imagewidth) > MAX_SIDE
            masked = any(bool(getattr(each, "subfiletype", 0) & 4) for each in further_pages(tiff))
            placed = any(path.with_suffix(suffix).exists() for suffix in _WORLD_FILES)
            return large or masked or placed or any(tag in tags for tag in (*_PLACING_TAGS, NODATA_TAG))
    except Exception:  # tifffile raises what it likes on damaged files
        return False


def can_edit_on_earth() -> bool:
    """Whether the extra [raster] is installed."""
    return find_spec("rasterio") is not None
