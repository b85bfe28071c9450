"""Picture files in and out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import OutputError
from .decoding import decode
from .encoding import FORMATS, encode, misfit
from .layout import as_rgb, eight_bit
from .raster import Metadata, Raster, raster_from_array
from .temporary import replacing, sweep_once

PathLike = str | os.PathLike[str]


def read_raster(path: PathLike) -> Raster:
    """A PNG, JPEG, WebP or TIFF file, turned upright, as a Raster.

    Palettes, 1-bit and CMYK pictures become grey or RGB. Raises InputError for a file that is missing, empty,
    damaged, of another kind, animated, too small or large, of one colour, or with NaN; OutOfMemoryError.
    """
    source = Path(path)
    found = decode(source)
    return raster_from_array(found.stored, found.alpha, name=str(source), metadata=found.metadata)


def write_raster(path: PathLike, edited: Tensor, like: Raster, changed: Tensor | None = None) -> None:
    """Write an edit with the bands, bit depth, alpha and metadata of its source, in the format of the suffix.

    edited [C, H, W] in 0…1; where `changed` (bool [H, W]) is False the stored values of `like` are kept.
    PNG, WebP (lossless) and TIFF hold them exactly; JPEG cannot, and is written at its best quality. The file
    appears whole or not at all. Raises OutputError as `check_output`, InputError as `Raster.quantise`.
    """
    target = check_output(path, like)
    stored = like.quantise(edited, changed)
    write_bytes(target, encode(stored, like.alpha, like.metadata, FORMATS[target.suffix.lower()]))


def write_new(path: PathLike, pixels: Tensor, like: Raster) -> None:
    """Write a new picture of any size, [C, H, W] in 0…1, with the bands, bit depth and value range of ``like``.

    Raises OutputError as `check_output`, InputError as `Raster.quantise`.
    """
    target = check_output(path, replace(like, alpha=None))
    blank = np.zeros((*pixels.shape[-2:], like.bands), like.stored.dtype)
    # NaN equals nothing, so that every value counts as edited.
    new = replace(like, pixels=torch.full_like(pixels, float("nan")), stored=blank)
    write_bytes(target, encode(new.quantise(pixels), None, Metadata(), FORMATS[target.suffix.lower()]))


def write_rgb(path: PathLike, pixels: Tensor) -> None:
    """Write a picture for people to look at: pixels [C, H, W] in 0…1 as 8-bit RGB. Raises OutputError."""
    target = check_output(path)
    write_bytes(target, encode(eight_bit(as_rgb(pixels)), None, Metadata(), FORMATS[target.suffix.lower()]))


def check_output(path: PathLike, like: Raster | None = None, inputs: Sequence[PathLike] = ()) -> Path:
    """The path as a Path, when a picture (like this one) can be written there. To be called before long work.

    Raises OutputError: unknown suffix, a folder that is missing or read-only, a read-only file, one of the ``inputs``,
    a format that cannot hold the bands, type or alpha of `like`.
    """
    target = Path(path)
    file_format = FORMATS.get(target.suffix.lower())
    if file_format is None:
        raise OutputError(f"{target} cannot be written as a picture; let its name end in {', '.join(FORMATS)}.")
    check_place(target, inputs)
    what = None if like is None else misfit(like.stored, like.alpha, file_format)
    if what is not None:
        raise OutputError(f"{target} cannot be written since {file_format} does not hold {what}; use .tif or .png.")
    return target


def check_place(target: Path, inputs: Sequence[PathLike] = ()) -> None:
    """Raise OutputError where no file can be written: a folder missing or read-only, one of the ``inputs`` …"""
    try:
        _check_place(target, inputs)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{target} cannot be written ({error.strerror}); choose another place or name.") from error
    sweep_once(target.parent.absolute())


def _check_place(target: Path, inputs: Sequence[PathLike]) -> None:
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"{target} cannot be written since the folder {folder} does not exist; create it first.")
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file in it.")
    for place in (target, folder):
        if place.exists() and _read_only(place):
            raise OutputError(f"{target} cannot be written since {place} is read-only; choose another place.")
    if target.exists() and any(Path(each).exists() and target.samefile(each) for each in inputs):
        raise OutputError(f"{target} is the source itself or another input; give the output another name.")


def make_folder(path: PathLike) -> Path:
    """The folder, made with its parents where it is missing. Raises OutputError."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made ({error.strerror}); choose another.") from error
    sweep_once(folder.absolute())
    return folder


def _read_only(place: Path) -> bool:
    # The mode as well: an administrator may write everywhere, yet a place marked read-only is meant to stay.
    return not os.access(place, os.W_OK) or not place.stat().st_mode & 0o222


def write_bytes(target: Path, data: bytes) -> None:
    """Write a file whole or not at all, also where the machine stops meanwhile. Raises OutputError."""
    try:
        with replacing(target) as partial:
            partial.write_bytes(data)
            with partial.open("rb+") as file:
                os.fsync(file.fileno())  # else the new name may reach the disk before the data
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror}); choose another place or free some space."
        ) from error
