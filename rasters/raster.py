"""One picture in memory: what a model works on, and all that is needed to write it back unchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .layout import Array

MIN_SIDE = 32
MAX_SIDE = 2048


@dataclass(frozen=True, eq=False)
class TiffLayout:
    """What only a TIFF holds: how its samples are meant, and the tags that place it on the earth.

    extra_samples has one TIFF ExtraSamples code for each band beyond the colours, with alpha;
    tags are (code, type, count, value) as the file had them.
    """

    rgb: bool
    extra_samples: tuple[int, ...]
    alpha_index: int | None
    tags: tuple[tuple[int, int, int, Any], ...]


@dataclass(frozen=True, eq=False)
class Metadata:
    """What travels beside the pixels, unchanged: colour profile, resolution, EXIF without its orientation."""

    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    tiff: TiffLayout | None = None


@dataclass(frozen=True)
class Values:
    """How a picture stores its pixels: NumPy type, and the stored values that stand for 0 and 1."""

    dtype: str = "uint8"
    low: float = 0.0
    high: float = 255.0


@dataclass(frozen=True, eq=False)
class Raster:
    """A picture: colour bands for the model and the stored values behind them.

    pixels  float32 [C, H, W] in 0…1, upright, without alpha
    stored  the file's own values [H, W, C], in its own type
    alpha   the file's own values [H, W], or None
    low, high  stored values that became 0 and 1
    name    how messages call it (the path it came from)
    """

    pixels: Tensor
    stored: Array
    alpha: Array | None
    low: float
    high: float
    name: str
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def bands(self) -> int:
        """How many colour bands there are, without alpha."""
        return int(self.stored.shape[2])

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return int(self.stored.shape[0]), int(self.stored.shape[1])

    @property
    def values(self) -> Values:
        """How the file stores its pixels."""
        return Values(self.stored.dtype.name, self.low, self.high)

    def quantise(self, edited: Tensor, changed: Tensor | None = None) -> Array:
        """The edited picture in the stored type, [H, W, C].

        edited [C, H, W] is clamped to 0…1. Where `changed` (bool [H, W]) is False, and where a value equals
        that of `pixels`, the stored value stays bit for bit. InputError for other shapes, NaN and infinity.
        """
        if edited.shape != self.pixels.shape:
            raise InputError(
                f"The edit of {self.name} has shape {tuple(edited.shape)}, not {tuple(self.pixels.shape)}; "
                "edit all bands at the size of the source."
            )
        if changed is not None and tuple(changed.shape) != self.size:
            raise InputError(
                f"The change mask of {self.name} has the shape {tuple(changed.shape)}, not {self.size}; "
                "give one value for each pixel."
            )
        values = edited.detach().to("cpu", torch.float32)
        if not bool(torch.isfinite(values).all()):
            raise InputError(f"The edit of {self.name} holds NaN or infinite values; lower the strength.")
        differs = values != self.pixels
        if changed is not None:
            differs &= changed.detach().cpu().to(torch.bool)
        scaled = values.clamp(0, 1).permute(1, 2, 0).numpy().astype(np.float64) * (self.high - self.low) + self.low
        if self.stored.dtype.kind in "iu":
            scaled = np.rint(scaled)
        return np.where(differs.permute(1, 2, 0).numpy(), scaled.astype(self.stored.dtype), self.stored)


def raster_from_array(
    stored: Array, alpha: Array | None = None, *, name: str = "the image", metadata: Metadata | None = None
) -> Raster:
    """A Raster of stored values [H, W, C] of any real type, with alpha [H, W] of any type beside it.

    8-bit and 16-bit unsigned values are divided by 255 and 65,535; floats inside 0…1 stay; others are
    mapped from their own minimum and maximum. Raises InputError for a size outside MIN_SIDE…MAX_SIDE, NaN or
    infinity, and a picture of one colour.
    """
    check_size(stored.shape[0], stored.shape[1], name)
    if stored.dtype.kind not in "iuf":
        raise InputError(f"{name} stores {stored.dtype} values, not real numbers; convert it to 8 or 16 bit or float.")
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        raise InputError(f"{name} holds NaN or infinite values; fill them with numbers first.")
    if (stored == stored[:1, :1]).all():
        raise InputError(
            f"{name} has one colour only, so there is nothing to learn from; choose a picture with content."
        )
    low, high = value_range(stored)
    return Raster(
        pixels=unit_pixels(stored, low, high),
        stored=stored,
        alpha=alpha,
        low=low,
        high=high,
        name=name,
        metadata=metadata or Metadata(),
    )


def blank_raster(bands: int, size: tuple[int, int], values: Values, name: str) -> Raster:
    """A black picture of ``size`` (height, width) that stores its ``bands`` as ``values`` says."""
    return Raster(
        pixels=torch.zeros(bands, *size),
        stored=np.full((*size, bands), values.low, np.dtype(values.dtype)),
        alpha=None,
        low=values.low,
        high=values.high,
        name=name,
    )


def check_size(height: int, width: int, name: str) -> None:
    """Raise InputError for a side outside MIN_SIDE…MAX_SIDE."""
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{name} is {width}×{height} px, below the {MIN_SIDE} px a side must have; use a larger picture."
        )
    if max(height, width) > MAX_SIDE:
        raise InputError(f"{name} is {width}×{height} px, above the {MAX_SIDE} px a side may have; crop or shrink it.")


def value_range(stored: Array) -> tuple[float, float]:
    """The stored values of a picture [H, W, C] that stand for 0 and 1."""
    if stored.dtype in (np.uint8, np.uint16):
        return 0.0, float(np.iinfo(stored.dtype).max)
    low, high = float(stored.min()), float(stored.max())
    if stored.dtype.kind == "f" and low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    return low, high


def unit_pixels(stored: Array, low: float, high: float) -> Tensor:
    """Stored values [H, W, C] as float32 [C, H, W] in 0…1; a range of width 0 gives 0."""
    width = (high - low) or 1.0
    unit = ((stored.astype(np.float64) - low) / width).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(unit.transpose(2, 0, 1)))
