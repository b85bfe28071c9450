"""TIFF files: any sample type and number of bands, with the tags that place a picture on the earth."""

from __future__ import annotations

import io
import logging
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from ..errors import InputError
from .layout import Array, upright
from .raster import Metadata, TiffLayout

# Its warnings about odd tags would stand beside the one sentence that the user gets.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# ModelPixelScale, ModelTiepoint, ModelTransformation, GeoKeyDirectory, GeoDoubleParams, GeoAsciiParams
# (OGC GeoTIFF 1.1), GDAL_METADATA, GDAL_NODATA, RPCCoefficient.
GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113, 50844)

MAX_PAGES = 200
MAX_BYTES = 2**30
"""Of a picture's values in memory."""
ALPHA_CODES = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
_DIRECT = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
_REDUCED_OR_MASK = 1 | 4  # bits of NewSubfileType: an overview or a transparency mask of another page


def is_tiff(head: bytes) -> bool:
    """Whether a file that starts with these bytes is a TIFF or BigTIFF."""
    return head[:4] in MAGIC


def read_tiff(path: Path, max_pixels: int) -> tuple[Array, Array | None, Metadata]:
    """Stored colours [H, W, C], alpha [H, W] or None, metadata.

    Bands beyond the colours stay bands unless the ExtraSamples tag calls one alpha. Palettes, inverted greys,
    CMYK and 1-bit pages become RGB or grey. Raises InputError for several pictures, volumes and other colour models,
    and whatever tifffile raises on damaged files.
    """
    with tifffile.TiffFile(path) as tiff:
        first = tiff.pages[0]
        assert isinstance(first, tifffile.TiffPage)
        # All that tifffile would take memory for, bands and depth too; a picture of many pixels has few bands.
        if first.imagelength * first.imagewidth > max_pixels or first.nbytes > MAX_BYTES:
            raise Image.DecompressionBombError
        _check_pages(tiff, path)
        _check_segments(first, path)
        values, codes = _colours(first, path)
        rgb = values.shape[2] - len(codes) == 3
        values = upright(values, int(first.tags.valueof(274, 1)))
        if not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        alpha_index = _alpha_index(codes, values.shape[2])
        # A turned picture no longer lies where its tags say.
        tags = _geo_tags(first) if first.tags.valueof(274, 1) == 1 else ()
        metadata = Metadata(
            icc_profile=first.tags.valueof(34675, None),
            dpi=_dpi(first),
            tiff=TiffLayout(rgb=rgb, extra_samples=codes, alpha_index=alpha_index, tags=tags),
        )
    if alpha_index is None:
        return values, None, metadata
    return np.delete(values, alpha_index, axis=2), np.ascontiguousarray(values[..., alpha_index]), metadata


def encode_tiff(stored: Array, alpha: Array | None, metadata: Metadata) -> bytes:
    """A deflate-compressed TIFF of stored values [H, W, C] and alpha [H, W], with its layout and tags."""
    layout = metadata.tiff or _layout_of(stored.shape[2], alpha is not None)
    values = stored
    if alpha is not None:
        index = stored.shape[2] if layout.alpha_index is None else layout.alpha_index
        values = np.insert(stored, index, alpha, axis=2)
    out = io.BytesIO()
    dpi = metadata.dpi
    tifffile.imwrite(
        out,
        np.ascontiguousarray(values[..., 0] if values.shape[2] == 1 else values),
        photometric="rgb" if layout.rgb else "minisblack",
        planarconfig=None if values.shape[2] == 1 else "contig",
        extrasamples=layout.extra_samples or None,
        compression="zlib",
        predictor=True,
        metadata=None,
        software=False,
        resolution=dpi,
        resolutionunit="INCH" if dpi else None,
        iccprofile=metadata.icc_profile,
        extratags=[(*tag, True) for tag in layout.tags],
    )
    return out.getvalue()


def _layout_of(bands: int, alpha: bool) -> TiffLayout:
    rgb = bands >= 3
    extra = (int(tifffile.EXTRASAMPLE.UNSPECIFIED),) * (bands - (3 if rgb else 1))
    return TiffLayout(
        rgb=rgb,
        extra_samples=(*extra, int(tifffile.EXTRASAMPLE.UNASSALPHA)) if alpha else extra,
        alpha_index=bands if alpha else None,
        tags=(),
    )


def further_pages(tiff: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    """The pages after the first. Raises TiffFileError for more than MAX_PAGES: they may point back, without an end."""
    found = [page.aspage() for page in islice(tiff.pages, 1, MAX_PAGES + 1)]
    if len(found) == MAX_PAGES:
        raise tifffile.TiffFileError(f"it has {MAX_PAGES} pages or more")
    return found


def _check_pages(tiff: tifffile.TiffFile, path: Path) -> None:
    pages = [tiff.pages[0], *further_pages(tiff)]
    whole = sum(1 for page in pages if not int(page.aspage().subfiletype) & _REDUCED_OR_MASK)
    if whole > 1:
        raise InputError(f"{path} holds {whole} pictures; save the one to edit as a file of its own.")


def _check_segments(page: tifffile.TiffPage, path: Path) -> None:
    # tifffile fills missing strips with zeros; a truncated picture must not pass for a dark one.
    size = path.stat().st_size
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if not ends or max(ends) > size:
        raise tifffile.TiffFileError("the file ends before its pixels do")


def _colours(page: tifffile.TiffPage, path: Path) -> tuple[Array, tuple[int, ...]]:
    """Values [H, W, C] as grey or RGB and further samples, with the ExtraSamples codes of the latter."""
    values = _bands_last(page, path)
    kind = page.photometric
    if kind == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
        colours = page.colormap[:, values[..., 0]].transpose(1, 2, 0)
        return (colours >> 8 if page.colormap.max() > 255 else colours).astype(np.uint8), ()
    if kind == tifffile.PHOTOMETRIC.SEPARATED and values.shape[2] == 4 and values.dtype == np.uint8:
        return np.asarray(Image.fromarray(values, "CMYK").convert("RGB")), ()
    if values.dtype.kind in "bu" and page.bitspersample < 8:
        values = values.astype(np.uint8) * np.uint8(255 // (2**page.bitspersample - 1))
    if kind == tifffile.PHOTOMETRIC.MINISWHITE and values.dtype.kind == "u":
        values = np.iinfo(values.dtype).max - values
    elif kind not in _DIRECT and not _jpeg_colours(page):
        model = tifffile.PHOTOMETRIC(kind).name
        raise InputError(f"{path} uses the colour model {model}; save it as grey or RGB.")
    return values, tuple(int(code) for code in page.extrasamples)


def _jpeg_colours(page: tifffile.TiffPage) -> bool:
    # tifffile's JPEG decoder turns YCbCr into RGB by itself.
    jpeg = tifffile.COMPRESSION.JPEG
    return page.photometric == tifffile.PHOTOMETRIC.YCBCR and page.compression == jpeg


def _bands_last(page: tifffile.TiffPage, path: Path) -> Array:
    values: Array = page.asarray()
    axes = page.axes
    if axes == "YX":
        return values[..., None]
    if axes == "SYX":
        return values.transpose(1, 2, 0)
    if axes == "YXS":
        return values
    raise InputError(f"{path} holds a volume ({axes}), not one picture; save one layer of it as a file of its own.")


def _alpha_index(codes: tuple[int, ...], samples: int) -> int | None:
    for place, code in enumerate(codes):
        if code in ALPHA_CODES:
            return samples - len(codes) + place
    return None


def _geo_tags(page: tifffile.TiffPage) -> tuple[tuple[int, int, int, Any], ...]:
    found = []
    for code in GEO_TAGS:
        tag = page.tags.get(code)
        if tag is not None:
            # tifffile counts the characters of a text itself.
            count = 0 if isinstance(tag.value, str) else int(tag.count)
            found.append((code, int(tag.dtype), count, tag.value))
    return tuple(found)


def _dpi(page: tifffile.TiffPage) -> tuple[float, float] | None:
    if 282 not in page.tags or 283 not in page.tags:
        return None
    across, down = page.get_resolution(tifffile.RESUNIT.INCH)
    return (float(across), float(down)) if across > 0 and down > 0 else None
