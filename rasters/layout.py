"""The one boundary of layouts: channels first inside, channels last in hosts and files."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def channels_first(image: Tensor) -> Tensor:
    """[..., H, W, C] → [..., C, H, W]."""
    return image.movedim(-1, -3).contiguous()


def channels_last(image: Tensor) -> Tensor:
    """[..., C, H, W] → [..., H, W, C]."""
    return image.movedim(-3, -1).contiguous()


def as_rgb(pixels: Tensor) -> Tensor:
    """The visible colours [..., 3, H, W] of [..., C, H, W]: the first three bands, or the first as grey."""
    if pixels.shape[-3] >= 3:
        return pixels[..., :3, :, :]
    return pixels[..., :1, :, :].expand(*pixels.shape[:-3], 3, *pixels.shape[-2:])


def eight_bit(pixels: Tensor) -> Array:
    """[C, H, W] in 0…1 → uint8 [H, W, C], rounded; values beyond are cut off."""
    values = channels_last(pixels.detach().to("cpu", torch.float32)).clamp(0, 1)
    return (values * 255).round().byte().numpy()


def upright(values: Array, orientation: int) -> Array:
    """[H, W, C] stored with an orientation 1…8 (TIFF 6.0, tag 274, shared by EXIF) → as it is to be seen.

    Any other number counts as 1.
    """
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def split_alpha(values: Array) -> tuple[Array, Array | None]:
    """[H, W, 1…4], alpha as second or fourth channel → colours [H, W, 1 or 3] and alpha [H, W] or None."""
    if values.shape[2] in (2, 4):
        return np.ascontiguousarray(values[..., :-1]), np.ascontiguousarray(values[..., -1])
    return values, None
