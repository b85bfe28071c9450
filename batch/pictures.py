"""A job's picture opened for an edit, with its region."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError
from ..geo.documents import Document, PlainDocument, open_document
from ..rasters.names import is_file
from ..rasters.raster import MAX_SIDE, Raster, check_size, raster_from_array
from ..rasters.regions import read_roi
from .jobs import Job
from .labels import read_region


def open_picture(job: Job) -> Document:
    """The picture of a job. Raises InputError for what cannot be read, and for a region that is not on it."""
    path, place = job.image_path, job.roi_path
    roi = (job.roi or None) if place is None else str(place)
    if not is_file(path):
        raise InputError(f"The picture {path} does not exist; check its path.")
    if place is not None and not is_file(place):
        raise InputError(f"The region {place} does not exist; give a file, or x,y,w,h in pixels.")
    if job.reader:
        document = PlainDocument(_read_bmp(path), None) if _is_bmp(path) else open_document(path)
        assert isinstance(document, PlainDocument) and place is not None
        return replace(document, roi=read_region(job.reader, place, document.raster.size))
    if _is_bmp(path):
        raster = _read_bmp(path)
        return PlainDocument(raster, None if roi is None else read_roi(roi, raster.size))
    return open_document(path, roi)


def _is_bmp(path: Path) -> bool:
    return path.suffix.lower() == ".bmp"


def _read_bmp(path: Path) -> Raster:
    """HRSC2016 comes as BMP, which nothing is written as. Raises InputError."""
    try:
        with Image.open(path, formats=("BMP",)) as image:
            check_size(image.height, image.width, str(path))
            stored = np.asarray(image.convert("RGB"))
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} cannot be read as a BMP ({error}); save it again, with sides of at most {MAX_SIDE} px."
        ) from error
    return raster_from_array(stored, name=str(path))
