"""Stored values → bytes of PNG, JPEG, WebP and TIFF files, and which of them can hold what."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from .layout import Array
from .raster import Metadata
from .tiff import encode_tiff

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WebP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}

# TIFF holds everything. Others: bands, sample types, alpha.
_CAN_HOLD: dict[str, tuple[tuple[int, ...], tuple[str, ...], bool]] = {
    "PNG": ((1, 3), ("uint8", "uint16"), True),
    "JPEG": ((1, 3), ("uint8",), False),
    "WebP": ((3,), ("uint8",), True),
}

_LOSSLESS_OR_BEST: dict[str, dict[str, Any]] = {
    "PNG": {"optimize": True},
    "JPEG": {"quality": 100, "subsampling": 0},
    "WebP": {"lossless": True, "exact": True, "quality": 100},
}


def misfit(stored: Array, alpha: Array | None, file_format: str) -> str | None:
    """What of a picture the format cannot hold, in words, or None where it holds all.

    stored: [H, W, C]. alpha: [H, W].
    """
    if file_format not in _CAN_HOLD:
        return None
    bands, types, has_alpha = _CAN_HOLD[file_format]
    if stored.shape[2] not in bands:
        return "grey pictures" if stored.shape[2] == 1 else f"{stored.shape[2]} bands"
    if stored.dtype.name not in types:
        return f"{stored.dtype.name} values"
    if alpha is not None and not has_alpha:
        return "transparency"
    return None


def lossless_suffix(stored: Array, alpha: Array | None) -> str:
    """Of a file for stored values [H, W, C] and alpha [H, W]: PNG, which browsers show, or TIFF where it cannot be."""
    return ".png" if misfit(stored, alpha, "PNG") is None else ".tif"


def encode(stored: Array, alpha: Array | None, metadata: Metadata, file_format: str) -> bytes:
    """A file's bytes for stored values [H, W, C] and alpha [H, W]: lossless, JPEG at its best quality."""
    if file_format == "TIFF":
        return encode_tiff(stored, alpha, metadata)
    values = stored if alpha is None else np.concatenate([stored, alpha[..., None]], axis=2)
    values = np.ascontiguousarray(values[..., 0] if values.shape[2] == 1 else values)
    if values.dtype == np.uint16:
        return _with_chunks(bytes(imagecodecs.png_encode(values)), metadata)
    options = dict(_LOSSLESS_OR_BEST[file_format])
    for key in ("icc_profile", "dpi", "exif"):
        value = getattr(metadata, key)
        if value is not None:
            options[key] = value
    out = io.BytesIO()
    Image.fromarray(values).save(out, format=file_format, **options)
    return out.getvalue()


def _with_chunks(png: bytes, metadata: Metadata) -> bytes:
    """The PNG with profile, resolution and EXIF placed after its header (PNG specification, section 11.3)."""
    chunks = b""
    if metadata.icc_profile is not None:
        chunks += _chunk(b"iCCP", b"icc\0\0" + zlib.compress(metadata.icc_profile))
    if metadata.dpi is not None:
        across, down = (round(dpi / 0.0254) for dpi in metadata.dpi)
        chunks += _chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if metadata.exif is not None:
        chunks += _chunk(b"eXIf", metadata.exif.removeprefix(b"Exif\0\0"))
    header_end = 8 + 25  # signature, then IHDR
    return png[:header_end] + chunks + png[header_end:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
