"""The label of an edit on the earth: a GeoTIFF that lies where its scene does."""

from __future__ import annotations

import warnings

import numpy as np

from ..geo.documents import Document
from ..geo.libraries import rasterio
from ..geo.source import opened, rasterio_window
from ..geo.window import GeoDocument
from ..guidance.editing import VISIBLE
from ..guidance.results import EditResult


def label_bytes(document: Document, result: EditResult) -> bytes:
    """A GeoTIFF of one 8-bit band and the scene's size and place: 255 where the edit visibly changed it, else 0.

    It is made in memory, since blocks that hold only 0 take up none of it.
    """
    assert isinstance(document, GeoDocument)
    lib, source, window = rasterio(), document.source, document.window
    height, width = source.size
    changed = ((result.changed.cpu() > VISIBLE) & document.valid.bool()).numpy()
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": height, "width": width}
    profile |= {"compress": "DEFLATE", "SPARSE_OK": "TRUE", "tiled": min(height, width) >= 256}
    with opened(source.path) as scene, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a scene without a CRS
        placed = {"gcps": scene.gcps[0], "crs": scene.gcps[1]} if scene.gcps[0] else {}
        if not placed:
            placed = {"crs": source.crs, "transform": source.transform}
        with lib.MemoryFile() as memory:
            with memory.open(**profile, **placed) as label:
                label.write(changed.astype(np.uint8) * 255, 1, window=rasterio_window(window))
            return bytes(memory.read())
