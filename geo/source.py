"""A raster on the earth, read by windows: what it holds, which pixels have data, and what it must keep."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..guidance.regions import Window
from ..rasters.layout import Array
from ..rasters.tiff import MAGIC
from .libraries import rasterio

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_INFRARED = re.compile("nir|infra|edge|swir")
DRIVERS = (
    (MAGIC, "GTiff"),
    ((b"\x89PNG",), "PNG"),
    ((b"\xff\xd8\xff",), "JPEG"),
    ((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "JP2OpenJPEG"),
    ((b"RIFF",), "WEBP"),
    ((b"BM",), "BMP"),
)
"""First bytes of a file, and GDAL's driver that reads it. No other is asked: a VRT of a stranger reads further files
and addresses, whatever its name ends in."""
LOSSY = ("JPEG", "YCBCR JPEG", "WEBP", "LERC", "LERC_DEFLATE", "LERC_ZSTD", "JPEG2000", "JXL")


@dataclass(frozen=True)
class GeoSource:
    """What is known of an open raster without reading its pixels.

    size: (height, width). dtype: of all bands. colours: what each band is ("red", "alpha", "undefined" …).
    crs, transform: rasterio's, the CRS None where there is none. overviews: their factors.
    compression: as GDAL calls it, or None. notes: sentences for the user. scales, offsets: of each band, what makes
    stored values measured ones. bits: of a value, where they are fewer than those of ``dtype``.
    """

    path: Path
    size: tuple[int, int]
    dtype: str
    colours: tuple[str, ...]
    descriptions: tuple[str | None, ...]
    nodata: tuple[float | None, ...]
    crs: Any
    transform: Any
    blocks: tuple[int, int]
    overviews: tuple[int, ...]
    compression: str | None
    notes: tuple[str, ...] = ()
    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    bits: int | None = None

    @property
    def limits(self) -> tuple[int, int] | None:
        """Least and greatest value that a pixel can be stored as; None for real numbers."""
        if self.dtype.startswith("float"):
            return None
        limits = np.iinfo(self.dtype)
        return limits.min, limits.max if self.bits is None else min(limits.max, 2**self.bits - 1)

    @property
    def alpha(self) -> int | None:
        """Index of the band that says how opaque a pixel is, or None.

        GDAL calls the fourth of four bands so unless it is told otherwise; its description then knows better.
        """
        if "alpha" not in self.colours:
            return None
        band = self.colours.index("alpha")
        return None if _INFRARED.search((self.descriptions[band] or "").lower()) else band

    @property
    def bands(self) -> tuple[int, ...]:
        """Indices of the bands that hold a picture: all but alpha."""
        return tuple(i for i in range(len(self.colours)) if i != self.alpha)

    @property
    def lossy(self) -> bool:
        """Whether to write a block changes pixels beside those that were edited."""
        return self.compression is not None and self.compression.upper() in LOSSY


@dataclass(frozen=True, eq=False)
class Part:
    """A window of a source: stored [h, w, C] in the order of ``source.bands``; valid [h, w], False without data."""

    stored: Array
    valid: NDArray[np.bool_]


def open_source(path: Path) -> GeoSource:
    """Look at a raster. Raises InputError for one that cannot be read or edited, MissingPackageError."""
    with opened(path) as file:
        if file.dtypes[0] not in TYPES:
            raise InputError(f"{path} stores {file.dtypes[0]} values; convert it to a real type, for example float32.")
        colours = tuple(each.name for each in file.colorinterp)
        if "palette" in colours:
            raise InputError(f"{path} stores colours by their number in a palette; save it as grey or RGB.")
        notes = []
        if file.crs is None and not file.gcps[0] and not file.rpcs:
            notes.append(f"{path} does not say where on the earth it lies (no CRS); it is edited by its pixels alone.")
        compression = file.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION")
        bits = file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
        return GeoSource(
            path=path,
            size=(file.height, file.width),
            dtype=file.dtypes[0],
            colours=colours,
            descriptions=tuple(file.descriptions),
            nodata=_nodata(file),
            crs=file.crs,
            transform=file.transform,
            blocks=file.block_shapes[0],
            overviews=tuple(file.overviews(1)),
            compression=compression,
            notes=tuple(notes),
            scales=tuple(file.scales),
            offsets=tuple(file.offsets),
            bits=None if bits is None else int(bits),
        )


def read_part(source: GeoSource, window: Window) -> Part:
    """The pixels of a window and which of them have data. Raises InputError for a damaged file."""
    return _read(source, window)


def read_coarse(source: GeoSource, window: Window, size: tuple[int, int]) -> Part:
    """A window reduced to ``size`` (height, width) by means of its pixels; from overviews where there are any.

    Raises InputError for a damaged file.
    """
    return _read(source, window, size)


def _read(source: GeoSource, window: Window, size: tuple[int, int] | None = None) -> Part:
    place, means = rasterio_window(window), rasterio().enums.Resampling.average
    with opened(source.path) as file:
        indexes = [band + 1 for band in source.bands]
        shape = (len(indexes), *(size or window.size))
        stored = np.moveaxis(file.read(indexes, window=place, out_shape=shape, resampling=means), 0, -1)
        # A pixel counts where every band has data: a model takes them together.
        valid = np.asarray(file.read_masks(indexes, window=place, out_shape=shape)).all(0)
    if stored.dtype.kind == "f":
        valid = valid & np.isfinite(stored).all(-1)
    return Part(np.ascontiguousarray(stored), np.asarray(valid, bool))


def rasterio_window(window: Window) -> Any:
    """A window as rasterio takes it."""
    return rasterio().windows.Window(window.left, window.top, window.width, window.height)


def pixels_of(transform: Any, xs: Array, ys: Array) -> tuple[Array, Array]:
    """Columns and rows [N] of map coordinates ``xs`` and ``ys`` [N], upper left corner 0, 0."""
    back = ~transform
    return back.a * xs + back.b * ys + back.c, back.d * xs + back.e * ys + back.f


@contextmanager
def opened(path: Path, mode: str = "r", **options: Any) -> Iterator[Any]:
    """The raster as rasterio's dataset; what GDAL refuses is an InputError of one sentence."""
    driver = _driver(path)
    if mode == "r+":
        options["IGNORE_COG_LAYOUT_BREAK"] = "YES"
    lib = rasterio()
    refused = (lib.errors.RasterioError, lib._err.CPLE_BaseError)  # the latter escapes from some of its methods
    # Within an Env GDAL tells its troubles to logging; without one, to the user's terminal.
    with lib.Env(), warnings.catch_warnings():
        for told in (lib.errors.NotGeoreferencedWarning, lib.errors.NodataShadowWarning):
            warnings.simplefilter("ignore", told)
        try:
            file = lib.open(path, mode, driver=driver, **options)
        except refused as error:
            raise InputError(f"{path} cannot be read as a raster ({_short(error)}); export it again.") from error
        try:
            with file:
                yield file
        except refused as error:
            raise InputError(f"{path} is damaged or incomplete ({_short(error)}); copy or export it again.") from error


def _driver(path: Path) -> str:
    """GDAL's driver of a file on this machine; a path that means anything else to GDAL is none."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path.") from None
    except (OSError, ValueError) as error:  # the latter for a path with NUL
        raise InputError(f"{path} cannot be read as a raster ({error}); check the path.") from error
    for starts, driver in DRIVERS:
        if head.startswith(starts):
            return driver
    raise InputError(f"{path} cannot be read as a raster (no GeoTIFF, PNG, JPEG, WebP, BMP, JPEG 2000); convert it.")


def _nodata(file: Any) -> tuple[float | None, ...]:
    """The value of each band that stands for "no data", also where only all bands together say so."""
    together = file.tags().get("NODATA_VALUES", "").split()
    if len(together) != file.count:
        return tuple(file.nodatavals)
    return tuple(float(text) if own is None else own for own, text in zip(file.nodatavals, together, strict=True))


def _short(error: BaseException) -> str:
    text = " ".join(str(error.__cause__ or error).split()).rstrip(".").replace("; ", ", ")
    return text[:100] or type(error).__name__
