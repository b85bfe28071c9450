"""A window of a raster on the earth, opened for an edit: a region with its context, at native resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..guidance.bands import BandUnits
from ..guidance.editing import VISIBLE
from ..guidance.regions import Window
from ..rasters.layout import Array
from ..rasters.raster import MAX_SIDE, MIN_SIDE
from .bands import Bands, Stretch, find_stretch, measured, units, with_room
from .indices import index_changes
from .nodata import keep_from_nodata
from .regions import Region
from .selection import Selection, select
from .source import GeoSource, Part, read_part
from .writing import check_geo_output, edited_copy


@dataclass(frozen=True, eq=False)
class GeoDocument:
    """``documents.Document`` of a window. stored: its values [h, w, C] in the order of ``bands``."""

    source: GeoSource
    window: Window
    stored: Array
    pixels: Tensor
    valid: Tensor
    roi: Tensor | None
    bands: Bands
    stretch: Stretch

    @property
    def notes(self) -> tuple[str, ...]:
        return self.source.notes

    @property
    def units(self) -> BandUnits:
        return units(self.source, self.bands, self.stretch)

    def check_output(self, path: Path, inputs: Sequence[Path] = ()) -> None:
        check_geo_output(path, self.source, tuple(inputs))

    def write(self, path: Path, image: Tensor, changed: Tensor) -> None:
        stored = self.in_file_order(self.restored(image, changed))
        with edited_copy(self.source, path) as copy:
            copy.write(self.window, stored)

    def in_file_order(self, stored: Array) -> Array:
        """Values [h, w, C] in the order of ``bands`` → in that of ``source.bands``."""
        return np.ascontiguousarray(stored[..., np.argsort(self.bands.order)])

    def restored(self, image: Tensor, changed: Tensor) -> Array:
        """The stored values [h, w, C] of an edit, in the order of ``bands``."""
        moved = self.stretch.restore(image, self.pixels, self.stored, ((changed > 0) & self.valid).numpy())
        nodata = tuple(self.source.nodata[self.source.bands[i]] for i in self.bands.order)
        return keep_from_nodata(self.stored, moved, self.valid.numpy(), nodata)

    def measured(self, image: Tensor, changed: Tensor) -> dict[str, Any]:
        """The window [x, y, w, h] in pixels of the scene, and each index's mean before and after where it changed."""
        where = ((changed > VISIBLE) & self.valid).numpy()
        before, after = (
            measured(stored, self.source, self.bands) for stored in (self.stored, self.restored(image, changed))
        )
        found = index_changes(before, after, where, self.bands)
        window = self.window
        return {
            "window": [window.left, window.top, window.width, window.height],
            "indices": {name: [round(value, 4) for value in pair] for name, pair in found.items()},
        }


def open_window(
    path: Path, roi: str | None = None, *, ignore: str | None = None, rgb: Sequence[int] | None = None
) -> GeoDocument:
    """As ``documents.open_document``, of a raster on the earth; without ``roi`` all of it. Raises InputError."""
    return open_selection(select(path, roi, ignore=ignore, rgb=rgb))


def open_selection(selection: Selection) -> GeoDocument:
    """The window of a selection, read. Raises InputError for one that is too small or large, or has no data."""
    source = selection.source
    check_window(selection.window, source)
    document = document_of(source, selection.window, selection.region, selection.ignored, selection.bands)
    if document.roi is not None and not bool((document.roi * document.valid).any()):
        raise InputError(f"{source.path} has no data in the region: all is nodata or ignored; choose another region.")
    return document


def document_of(
    source: GeoSource,
    window: Window,
    region: Region | None,
    ignored: Region | None,
    bands: Bands,
    stretch: Stretch | None = None,
) -> GeoDocument:
    """A window, read, and stretched by its own values or as given. Raises InputError where it has no data."""
    part = read_usable(source, window, ignored)
    roi = None if region is None else torch.from_numpy(mask_in(region, window)).float()
    return document_from(source, window, part.stored, part.valid, roi, bands, stretch)


def read_usable(source: GeoSource, window: Window, ignored: Region | None) -> Part:
    """The pixels of a window; valid is False too where they are to be ignored. Raises InputError for a damaged file."""
    part = read_part(source, window)
    return part if ignored is None else replace(part, valid=part.valid & ~mask_in(ignored, window))


def document_from(
    source: GeoSource,
    window: Window,
    stored: Array,
    valid: NDArray[np.bool_],
    roi: Tensor | None,
    bands: Bands,
    stretch: Stretch | None = None,
) -> GeoDocument:
    """A document of stored values [h, w, C] as they are in the file. Raises InputError where none is valid."""
    if not valid.any():
        raise InputError(f"{source.path} has no data there: all is nodata or ignored; choose another region.")
    values = stored[..., list(bands.order)]
    shown = stretch or with_room(find_stretch(values, valid, bands, source.limits), source, bands)
    if roi is not None and bool((roi >= 1).all()):
        roi = None
    # What is no number is shown as 0; it is not valid.
    finite = values if values.dtype.kind != "f" else np.where(valid[..., None], values, shown.low)
    return GeoDocument(source, window, values, shown.unit(finite), torch.from_numpy(valid), roi, bands, shown)


def check_window(window: Window, source: GeoSource) -> None:
    """Raise InputError for a window that is too small or too large to be edited at once."""
    height, width = window.size
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{source.path} is {width}×{height} px, below the {MIN_SIDE} px a side must have; use a larger scene."
        )
    if max(height, width) > MAX_SIDE:
        raise InputError(
            f"The part of {source.path} to edit is {width}×{height} px, above the {MAX_SIDE} px a side may have; "
            "give a smaller region."
        )


def mask_in(region: Region, window: Window) -> NDArray[np.bool_]:
    """The region's mask in pixels of the window: bool [h, w]."""
    mask = np.zeros(window.size, bool)
    own = region.window
    top, left = max(own.top, window.top), max(own.left, window.left)
    bottom, right = min(own.bottom, window.bottom), min(own.right, window.right)
    if top < bottom and left < right:
        mask[top - window.top : bottom - window.top, left - window.left : right - window.left] = region.mask[
            top - own.top : bottom - own.top, left - own.left : right - own.left
        ]
    return mask
