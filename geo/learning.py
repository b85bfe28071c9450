"""What a model learns of a picture file, and how a new scene like it is written."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..guidance.regions import Window, whole
from ..rasters.encoding import lossless_suffix
from ..rasters.files import check_output, read_raster, write_bytes, write_new
from ..rasters.layout import channels_last
from ..rasters.raster import Raster, Values
from .files import can_edit_on_earth, is_on_earth
from .libraries import rasterio
from .source import opened
from .window import GeoDocument, open_window

_SIDE = 192
"""Side to which the map of valid pixels is reduced before the largest rectangle is looked for."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What is learnt of a file: pixels, float [C, H, W] in 0…1. values: how they are stored as a plain picture.

    notes: sentences for the user.
    """

    pixels: Tensor
    values: Values
    notes: tuple[str, ...]
    like: Raster | GeoDocument

    @property
    def suffix(self) -> str:
        """Of new scenes' files."""
        return ".tif" if isinstance(self.like, GeoDocument) else lossless_suffix(self.like.stored, None)

    def check_output(self, path: Path) -> None:
        """Raise OutputError where a new scene cannot be written to ``path``."""
        if isinstance(self.like, GeoDocument):
            self.like.check_output(path)
        else:
            check_output(path, self.like, [self.like.name])

    def write_new(self, path: Path, pixels: Tensor) -> None:
        """Write a new scene [C, h, w] in 0…1 with the file's bands, type and range. It lies nowhere on the earth.

        Raises OutputError, InputError where the file that was learnt has gone.
        """
        if isinstance(self.like, GeoDocument):
            write_bytes(path, _scene_bytes(pixels, self.like))
        else:
            write_new(path, pixels, self.like)


def read_to_learn(path: Path) -> Learnt:
    """A picture file as a model learns it; of a raster on the earth the largest rectangle that has data everywhere.

    Raises InputError, MissingPackageError.
    """
    if not (is_on_earth(path) and can_edit_on_earth()):
        raster = read_raster(path)
        return Learnt(raster.pixels, raster.values, (), raster)
    document = open_window(path)
    window = largest_rectangle(document.valid.numpy())
    pixels = window.cut(document.pixels).contiguous()
    notes = document.notes
    if pixels.shape != document.pixels.shape:
        notes += (
            f"Pixels without data are left out: {pixels.shape[2]}×{pixels.shape[1]} of {document.pixels.shape[2]}×"
            f"{document.pixels.shape[1]} px are learnt.",
        )
    return Learnt(pixels, Values(), notes, document)


def largest_rectangle(valid: NDArray[np.bool_]) -> Window:
    """A rectangle of ``valid`` [H, W] in which every pixel is True, and nearly the largest."""
    if valid.all():
        return whole((valid.shape[0], valid.shape[1]))
    step = max(1, -(-max(valid.shape) // _SIDE))
    rows, columns = (length // step for length in valid.shape)
    cut = valid[: rows * step, : columns * step].reshape(rows, step, columns, step)
    blocks: NDArray[np.bool_] = np.all(cut, axis=(1, 3))
    best, found = 0, Window(0, 0, 0, 0)
    heights = np.zeros(columns, int)
    for row in range(rows):
        heights = np.where(blocks[row], heights + 1, 0)
        # The widest run above each height: a stack of starts and heights that rise.
        stack: list[tuple[int, int]] = []
        for column, height in enumerate([*heights.tolist(), 0]):
            start = column
            while stack and stack[-1][1] >= height:
                start, high = stack.pop()
                if high * (column - start) > best:
                    best = high * (column - start)
                    found = Window(row + 1 - high, start, row + 1, column)
            stack.append((start, height))
    return Window(found.top * step, found.left * step, found.bottom * step, found.right * step)


def _scene_bytes(pixels: Tensor, like: GeoDocument) -> bytes:
    lib = rasterio()
    stored = like.stretch.low + channels_last(pixels).double().numpy() * (like.stretch.high - like.stretch.low)
    dtype = np.dtype(like.source.dtype)
    if like.source.limits is not None:
        stored = np.clip(np.rint(stored), *like.source.limits)
    values = like.in_file_order(stored.astype(dtype))
    with opened(like.source.path) as source, lib.MemoryFile() as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no place
        profile = {
            "driver": "GTiff",
            "width": values.shape[1],
            "height": values.shape[0],
            "count": values.shape[2],
            "dtype": like.source.dtype,
            "compress": "DEFLATE",
        }
        with memory.open(**profile) as file:
            file.write(np.moveaxis(values, -1, 0))
            file.descriptions = tuple(source.descriptions[band] for band in like.source.bands)
        return bytes(memory.read())
