"""Where an edit visibly changed a picture, as a file: a PNG, or of a GeoTIFF one that lies where it does."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..errors import OutputError
from ..guidance.editing import VISIBLE
from ..rasters.files import check_place, write_bytes
from .documents import Document
from .libraries import rasterio
from .source import opened, rasterio_window
from .window import GeoDocument
from .writing import check_geo_output


def check_change_mask(path: Path, document: Document, inputs: Sequence[Path] = ()) -> None:
    """Raise OutputError where the mask cannot be written to ``path``; to be called before long work."""
    if isinstance(document, GeoDocument):
        check_geo_output(path, document.source, tuple(inputs))
        return
    if path.suffix.lower() != ".png":
        raise OutputError(f"{path} cannot be written as a mask; let its name end in .png.")
    check_place(path, inputs)


def write_change_mask(path: Path, document: Document, changed: Tensor) -> None:
    """One 8-bit band: 255 where ``changed`` [H, W] is visible, else 0.

    Raises OutputError, InputError where the raster has gone.
    """
    visible = changed.cpu() > VISIBLE
    if isinstance(document, GeoDocument):
        write_bytes(path, _geotiff((visible & document.valid.bool()).numpy(), document))
    else:
        write_bytes(path, _png(visible.numpy()))


def _png(visible: NDArray[np.bool_]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(visible.astype(np.uint8) * 255).save(out, format="PNG", optimize=True)
    return out.getvalue()


def _geotiff(visible: NDArray[np.bool_], document: GeoDocument) -> bytes:
    """Of the whole scene's size. It is made in memory, since blocks that hold only 0 take up none of it."""
    lib, source, window = rasterio(), document.source, document.window
    height, width = source.size
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": height, "width": width}
    profile |= {"compress": "DEFLATE", "SPARSE_OK": "TRUE", "tiled": min(height, width) >= 256}
    with opened(source.path) as scene, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a scene without a CRS
        placed = {"gcps": scene.gcps[0], "crs": scene.gcps[1]} if scene.gcps[0] else {}
        if not placed:
            placed = {"crs": source.crs, "transform": source.transform}
        with lib.MemoryFile() as memory:
            with memory.open(**profile, **placed) as mask:
                mask.write(visible.astype(np.uint8) * 255, 1, window=rasterio_window(window))
            return bytes(memory.read())
