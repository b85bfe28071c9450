"""The window around a region of interest: an edit there is made on this window alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..sinddm.pyramid import Size

CONTEXT = 0.5
"""Context on each side of a region, as a share of the region's longer side."""
LEAST_WINDOW = 96
"""Least side of a window in pixels, where the image has them."""


@dataclass(frozen=True)
class Window:
    """Rows ``top``…``bottom`` and columns ``left``…``right`` (exclusive) of an image."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        return self.height, self.width

    def cut(self, values: Tensor) -> Tensor:
        """The window of [..., H, W]."""
        return values[..., self.top : self.bottom, self.left : self.right]

    def paste(self, whole: Tensor, part: Tensor) -> Tensor:
        """A copy of ``whole`` [..., H, W] with ``part`` in the window."""
        result = whole.clone()
        result[..., self.top : self.bottom, self.left : self.right] = part
        return result


def whole(size: Size) -> Window:
    """The window that is all of a picture of ``size`` (height, width)."""
    return Window(0, 0, *size)


def window_around(region: Tensor) -> Window:
    """The window that holds all of ``region`` [H, W] > 0 with its context, within the image."""
    rows = torch.nonzero(region.amax(1) > 0).flatten()
    columns = torch.nonzero(region.amax(0) > 0).flatten()
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    margin = round(CONTEXT * max(bottom - top, right - left))
    (top, bottom), (left, right) = (
        _widen(low, high, margin, int(length))
        for low, high, length in ((top, bottom, region.shape[0]), (left, right, region.shape[1]))
    )
    return Window(top, left, bottom, right)


def _widen(low: int, high: int, margin: int, length: int) -> tuple[int, int]:
    margin = max(margin, (LEAST_WINDOW - (high - low) + 1) // 2)
    low, high = low - margin, high + margin
    # At the image's border the missing context is taken from the other side.
    low, high = low - max(0, high - length), high + max(0, -low)
    return max(0, low), min(length, high)
