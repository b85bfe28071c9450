"""An edited raster is a copy of its file in which the windows that changed are written: all else stays as stored."""

from __future__ import annotations

import errno
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, OutputError
from ..guidance.regions import Window
from ..rasters.files import check_place
from ..rasters.layout import Array
from ..rasters.temporary import replacing
from .copying import copy_lossless, copy_sidecars
from .files import is_tiff_file
from .libraries import rasterio
from .regions import trimmed
from .source import GeoSource, opened, rasterio_window

SUFFIXES = (".tif", ".tiff")


class Writer:
    """Writes windows into the copy. ``changed`` says afterwards whether any was."""

    def __init__(self, file: Any, source: GeoSource) -> None:
        self._file, self._source = file, source
        self._written: list[tuple[Window, int | None]] = []
        self.changed = False

    def read(self, window: Window) -> Array:
        """What the copy holds in the window now: [h, w, C], in the order of ``source.bands``."""
        indexes = [band + 1 for band in self._source.bands]
        return np.ascontiguousarray(np.moveaxis(self._file.read(indexes, window=rasterio_window(window)), 0, -1))

    def write(self, window: Window, stored: Array) -> None:
        """Put ``stored`` [h, w, C], in the order of ``source.bands``, into the window.

        Blocks in which nothing changes are not touched.
        """
        before, after = (np.ascontiguousarray(each) for each in (self.read(window), stored))
        # By their bytes, since NaN is not equal to itself.
        differs = (before.view(np.uint8) != after.view(np.uint8)).any(-1)
        if not differs.any():
            return
        part, _ = trimmed(window, differs)
        rows = slice(part.top - window.top, part.bottom - window.top)
        columns = slice(part.left - window.left, part.right - window.left)
        indexes = [band + 1 for band in self._source.bands]
        self._file.write(np.moveaxis(after[rows, columns], -1, 0), indexes, window=rasterio_window(part))
        # Of what is written over again only the last counts; numbers of fewer bits are rounded.
        self._written = [(each, None if _meet(each, part) else check) for each, check in self._written]
        exact = self._source.bits is None
        self._written.append((part, zlib.crc32(np.ascontiguousarray(after[rows, columns])) if exact else None))
        self.changed = True

    def check(self, path: Path) -> None:
        """Raise OSError where the closed file does not hold what was written.

        GDAL puts off errors of the disk until it closes a file, and then swallows them.
        """
        with opened(path) as self._file:
            for window, check in self._written:
                if check not in (None, zlib.crc32(self.read(window))):
                    raise OSError(errno.EIO, "it was not stored whole")
        for level in range(len(self._source.overviews) if self.changed else 0):
            with opened(path, overview_level=level) as file:
                for _, place in file.block_windows(1):
                    file.read(window=place)


def check_geo_output(path: Path, source: GeoSource, inputs: tuple[Path, ...] = ()) -> Path:
    """The path, when a copy of the source can be written there. Raises OutputError."""
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{path} cannot keep what a GeoTIFF holds; let its name end in .tif.")
    check_place(path, (source.path, *inputs))
    return path


@contextmanager
def edited_copy(source: GeoSource, target: Path) -> Iterator[Writer]:
    """A copy of the source's file to write windows into; it appears as ``target`` when the block ends without an error.

    Blocks that are not written stay as they are stored. Where the compression is lossy, so that to write a block
    would change pixels beside the edit, all blocks are stored anew without loss. Overviews are made anew.
    Raises OutputError: no space left, or a place that cannot be written. InputError: a damaged source.
    """
    partial = target
    try:
        _check_space(source.path, target)
        with replacing(target) as partial:
            if source.lossy or not is_tiff_file(source.path):
                copy_lossless(source, partial)
            else:
                shutil.copyfile(source.path, partial)
            with opened(partial, "r+") as file:
                writer = Writer(file, source)
                yield writer
            # Opened again, since GDAL cannot add tiles of an overview to a file of strips that it has just written.
            with opened(partial, "r+") as file:
                if source.overviews and (writer.changed or not file.overviews(1)):
                    _renew_overviews(file, source.overviews)
            writer.check(partial)
            copy_sidecars(source.path, target)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror or 'the disk failed'}); "
            "choose another place or free some space."
        ) from error
    except InputError as error:
        if str(partial) in str(error):
            raise OutputError(f"{target} cannot be written; choose another place or free some space.") from error
        raise


def _check_space(source: Path, target: Path) -> None:
    needed, free = source.stat().st_size, shutil.disk_usage(target.parent).free
    if free < needed:
        raise OutputError(
            f"{target} needs {needed / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free; free some space first."
        )


def _meet(a: Window, b: Window) -> bool:
    return a.top < b.bottom and b.top < a.bottom and a.left < b.right and b.left < a.right


def _renew_overviews(file: Any, factors: tuple[int, ...]) -> None:
    lib = rasterio()
    name = str(file.tags(ns="rio_overview").get("resampling", "average"))
    file.build_overviews(list(factors), getattr(lib.enums.Resampling, name, lib.enums.Resampling.average))
