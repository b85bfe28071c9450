"""The region to edit: a mask picture, or a rectangle written as x,y,w,h."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .decoding import decode
from .files import PathLike
from .layout import Array
from .raster import unit_pixels, value_range

# A mask kept as JPEG rings around its edges; what differs so little from black or white is meant to be it.
SNAP = 8 / 255

_NUMBERS = re.compile(r"[\s\d.,;+-]+")
_RECTANGLE = re.compile(",".join([r"\s*(-?\d{1,18})\s*"] * 4))


def is_rectangle(roi: str) -> bool:
    """Whether the text is meant as "x,y,w,h", and not as the path of a mask."""
    return _NUMBERS.fullmatch(roi) is not None


def read_roi(roi: str, size: tuple[int, int]) -> Tensor:
    """The region of `--roi`: "x,y,w,h" in pixels, or the path of a mask. float32 [H, W] in 0…1, 1 = edit.

    Raises InputError as ``parse_roi`` and ``read_mask``.
    """
    return parse_roi(roi, size) if is_rectangle(roi) else read_mask(roi, size)


def parse_roi(text: str, size: tuple[int, int]) -> Tensor:
    """The rectangle "x,y,w,h" (left, top, width, height in pixels) as float32 [H, W] of 0 and 1.

    Raises InputError when it is not four whole numbers, not fully on the picture, empty or all of it.
    """
    x, y, w, h = parse_rectangle(text, size)
    mask = torch.zeros(size)
    mask[y : y + h, x : x + w] = 1.0
    return check_mask(mask, f"The region '{text}'")


def parse_rectangle(text: str, size: tuple[int, int], whole: str = "picture") -> tuple[int, int, int, int]:
    """ "x,y,w,h" → left, top, width, height in pixels of the ``whole`` of ``size`` (height, width).

    Raises InputError when it is not four whole numbers, not fully on the whole, or empty.
    """
    height, width = size
    match = _RECTANGLE.fullmatch(text)
    if match is None:
        raise InputError(f"The region '{text}' is not x,y,w,h in whole pixels; write for example 40,60,120,80.")
    x, y, w, h = (int(number) for number in match.groups())
    if w <= 0 or h <= 0:
        raise InputError(f"The region '{text}' has no area; give a width and a height above 0.")
    if x < 0 or y < 0 or x + w > width or y + h > height:
        raise InputError(f"The region '{text}' lies off the {whole} of {width}×{height} px; keep it inside.")
    return x, y, w, h


def read_mask(path: PathLike, size: tuple[int, int]) -> Tensor:
    """A mask picture of the given (height, width) as float32 [H, W] in 0…1; white = edit.

    Where all colours are the same and the picture has transparency, opaque = edit. Raises InputError for
    another size, an empty or all-covering mask, and what cannot be read.
    """
    source = Path(path)
    found = decode(source)
    values = found.stored
    if values.shape[:2] != size:
        raise InputError(
            f"The mask {source} has {values.shape[1]}×{values.shape[0]} px, not {size[1]}×{size[0]}; "
            "give a mask of the same size as the picture."
        )
    if found.alpha is not None and (values == values[:1, :1]).all():
        values = found.alpha[..., None]
    _check_finite(values, source)
    mask = unit_pixels(values, *value_range(values))[:3].mean(0)
    mask = torch.where(mask < SNAP, 0.0, torch.where(mask > 1 - SNAP, 1.0, mask))
    return check_mask(mask, f"The mask {source}")


def check_mask(mask: Tensor, name: str) -> Tensor:
    """The mask [H, W] itself, when it selects some of the picture and not all of it; else InputError."""
    if not bool((mask > 0).any()):
        raise InputError(f"{name} selects nothing; paint the part to edit white.")
    if bool((mask >= 1).all()):
        raise InputError(f"{name} covers the whole picture; leave it out to edit the full image.")
    return mask


def _check_finite(values: Array, source: Path) -> None:
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(
            f"The mask {source} holds values that are not finite numbers; save it as 8-bit black and white."
        )
