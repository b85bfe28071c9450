"""An edited raster is a copy of its file in which the windows that changed are written: all else stays as stored."""

from __future__ import annotations

import os
import shutil
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OutputError
from ..guidance.regions import Window
from ..rasters.files import check_place
from ..rasters.layout import Array
from .libraries import rasterio
from .source import GeoSource, opened, rasterio_window

SUFFIXES = (".tif", ".tiff")
LOSSLESS = "DEFLATE"
SIDECARS = (".aux.xml", ".msk", ".ovr")
"""What GDAL keeps beside ``name.tif`` as ``name.tif.aux.xml`` and so on."""


class Writer:
    """Writes windows into the copy. ``changed`` says afterwards whether any was."""

    def __init__(self, file: Any, source: GeoSource) -> None:
        self._file, self._source = file, source
        self.changed = False

    def read(self, window: Window) -> Array:
        """What the copy holds in the window now: [h, w, C], in the order of ``source.bands``."""
        indexes = [band + 1 for band in self._source.bands]
        return np.ascontiguousarray(np.moveaxis(self._file.read(indexes, window=rasterio_window(window)), 0, -1))

    def write(self, window: Window, stored: Array) -> None:
        """Put ``stored`` [h, w, C], in the order of ``source.bands``, into the window."""
        indexes = [band + 1 for band in self._source.bands]
        self._file.write(np.moveaxis(stored, -1, 0), indexes, window=rasterio_window(window))
        self.changed = True


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
    Raises OutputError: no space left, or a place that cannot be written.
    """
    # The name keeps its suffix, by which GDAL knows what to write.
    partial = target.with_name(f".sinddm-rs-{os.getpid()}-{threading.get_ident()}{target.suffix}")
    try:
        _check_space(source.path, target)
        if source.lossy or not is_tiff(source.path):
            _copy_lossless(source, partial)
        else:
            shutil.copyfile(source.path, partial)
        with opened(partial, "r+") as file:
            writer = Writer(file, source)
            yield writer
            if writer.changed and source.overviews:
                _renew_overviews(file, source.overviews)
        _check_written(partial)
        partial.replace(target)
        _copy_sidecars(source.path, target)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror or error}); choose another place or free some space."
        ) from error
    except InputError as error:
        if str(partial) in str(error):
            raise OutputError(f"{target} cannot be written; choose another place or free some space.") from error
        raise
    finally:
        for path in (partial, *(Path(f"{partial}{suffix}") for suffix in SIDECARS)):
            path.unlink(missing_ok=True)


def is_tiff(path: Path) -> bool:
    """Whether a file is a TIFF, by its first bytes."""
    from ..rasters.tiff import MAGIC  # noqa: PLC0415 (imports tifffile)

    with path.open("rb") as file:
        return file.read(4) in MAGIC


def _check_space(source: Path, target: Path) -> None:
    needed, free = source.stat().st_size, shutil.disk_usage(target.parent).free
    if free < needed:
        raise OutputError(
            f"{target} needs {needed / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free; free some space first."
        )


def _check_written(partial: Path) -> None:
    """GDAL may put off an error of the disk until it closes a file, and then swallow it."""
    with opened(partial) as file:
        file.read(1, window=((file.height - 1, file.height), (file.width - 1, file.width)))


def _renew_overviews(file: Any, factors: tuple[int, ...]) -> None:
    lib = rasterio()
    name = str(file.tags(ns="rio_overview").get("resampling", "average"))
    file.build_overviews(list(factors), getattr(lib.enums.Resampling, name, lib.enums.Resampling.average))


def _copy_lossless(source: GeoSource, target: Path) -> None:
    """All that the source holds in a TIFF without loss, block by block."""
    lib = rasterio()
    with opened(source.path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profile = file.profile | {"driver": "GTiff", "compress": LOSSLESS}
        for stale in ("photometric", "interleave"):
            profile.pop(stale, None)
        masked = any("PER_DATASET" in str(flag) for flags in file.mask_flag_enums for flag in flags)
        bigtiff = {"BIGTIFF": "IF_SAFER", "SPARSE_OK": "FALSE"}
        with lib.Env(GDAL_TIFF_INTERNAL_MASK=True), lib.open(target, "w", **profile, **bigtiff) as copy:
            for _, place in file.block_windows(1):
                copy.write(file.read(window=place), window=place)
                if masked and source.alpha is None:
                    copy.write_mask(file.dataset_mask(window=place), window=place)
            _copy_tags(file, copy)
            if source.overviews:
                copy.build_overviews(list(source.overviews), lib.enums.Resampling.average)


def _copy_tags(file: Any, copy: Any) -> None:
    copy.colorinterp = file.colorinterp
    copy.descriptions = file.descriptions
    copy.scales, copy.offsets = file.scales, file.offsets
    copy.update_tags(**file.tags())
    for band in range(1, file.count + 1):
        copy.update_tags(band, **file.tags(band))
    if file.gcps[0]:
        copy.gcps = file.gcps
    if file.rpcs:
        copy.rpcs = file.rpcs


def _copy_sidecars(source: Path, target: Path) -> None:
    for suffix in SIDECARS:
        beside = Path(f"{source}{suffix}")
        if beside.exists() and suffix != ".ovr":
            shutil.copyfile(beside, f"{target}{suffix}")


def keep_from_nodata(stored: Array, edited: Array, valid: NDArray[np.bool_], nodata: tuple[float | None, ...]) -> Array:
    """``edited`` [h, w, C] whose valid pixels hold no value that stands for "no data": they take the next one."""
    result = edited.copy()
    for band, value in enumerate(nodata):
        if value is None or not np.isfinite(value):
            continue
        hit = (result[..., band] == value) & (edited[..., band] != stored[..., band]) & valid
        if result.dtype.kind == "f":
            other = np.nextafter(result.dtype.type(value), result.dtype.type(np.inf))
        else:
            other = result.dtype.type(value + 1 if value < np.iinfo(result.dtype).max else value - 1)
        result[..., band][hit] = other
    return result
