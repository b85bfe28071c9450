"""Bytes of PNG, JPEG, WebP and TIFF files → stored values, whether or not they suit a model."""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import ExifTags, Image, UnidentifiedImageError

from ..errors import InputError, OutOfMemoryError
from .layout import Array, split_alpha, upright
from .raster import MAX_SIDE, Metadata
from .tiff import is_tiff, read_tiff

# What Pillow, imagecodecs and tifffile raise on damaged files.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    AssertionError,
    struct.error,
    zlib.error,
    tifffile.TiffFileError,
)

# Beyond this nothing is unpacked, whatever the caller would say about the size.
MAX_PIXELS = 16 * MAX_SIDE * MAX_SIDE

# MPO, the JPEG of many drones and telephones, is opened as JPEG; its further frames are previews.
PILLOW_FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True, eq=False)
class Decoded:
    """Stored colour values [H, W, C], alpha [H, W] or None, and what travels beside them; upright."""

    stored: Array
    alpha: Array | None
    metadata: Metadata


def decode(path: Path) -> Decoded:
    """Read a picture file. Raises InputError for one missing, a folder, empty, unknown, damaged or far too large.

    OutOfMemoryError for one that does not fit into memory.
    """
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; give the path of one picture in it.") from None
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path.") from None
    except (OSError, ValueError) as error:  # the latter for characters that no path has
        what = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} cannot be read ({what}); check the path and its permissions.") from error
    if not head:
        raise InputError(f"{path} is empty; give a picture file with content.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Decoded(*(read_tiff(path, MAX_PIXELS) if is_tiff(head) else _read_pillow(path, head)))
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(
            f"{path} has far more pixels than the {MAX_SIDE}×{MAX_SIDE} that fit; crop or shrink it."
        ) from None
    except UnidentifiedImageError:
        raise InputError(f"{path} is not a PNG, JPEG, WebP or TIFF picture; convert it to one of these.") from None
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{path} cannot be read since there is not enough memory; give a smaller picture, or export it again."
        ) from error
    except DECODER_ERRORS as error:
        raise InputError(
            f"{path} is damaged or incomplete ({_one_line(error)}); copy or export the picture again."
        ) from error


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()).replace("; ", ", ").rstrip(".")
    return text[:100] or type(error).__name__


def _read_pillow(path: Path, head: bytes) -> tuple[Array, Array | None, Metadata]:
    with Image.open(path, formats=PILLOW_FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
            raise InputError(f"{path} is an animation; export one frame of it as a still picture.")
        image.load()
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
        deep = image.format == "PNG" and head[24] == 16  # the bit depth in IHDR
        values = _png16(path, image) if deep else np.atleast_3d(np.asarray(_plain_mode(image)))
        return (*split_alpha(upright(values, orientation)), _metadata(image))


def _metadata(image: Image.Image) -> Metadata:
    exif = image.getexif()
    exif.pop(ExifTags.Base.Orientation, None)
    dpi = image.info.get("dpi")
    icc = image.info.get("icc_profile") if image.mode != "CMYK" else None
    return Metadata(
        icc_profile=icc or None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None,
        exif=exif.tobytes() if len(exif) else None,
    )


def _plain_mode(image: Image.Image) -> Image.Image:
    """L, LA, RGB or RGBA with the same visible values."""
    transparent = "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa")
    grey = image.mode in ("1", "L", "LA", "La")
    return image.convert(("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB"))


def _png16(path: Path, image: Image.Image) -> Array:
    """A 16-bit PNG [H, W, C]: Pillow would keep only the high bytes of its colours."""
    values: Array = np.atleast_3d(imagecodecs.png_decode(path.read_bytes()))
    key: Any = image.info.get("transparency")
    if key is None or values.shape[2] not in (1, 3):
        return values
    opaque = (values != np.asarray(key, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([values, opaque.astype(np.uint16) * np.uint16(65535)], axis=2)
