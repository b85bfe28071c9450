"""The two ranges of pixel values: images are in 0…1, the model of an image works in −1…1 (paper, section III-A)."""

from __future__ import annotations

from torch import Tensor


def to_signed(image: Tensor) -> Tensor:
    """0…1 → −1…1, of any shape."""
    return image * 2.0 - 1.0


def to_unit(values: Tensor) -> Tensor:
    """−1…1 → 0…1, of any shape; what lies beyond −1…1 is not clipped, so that its gradient stays."""
    return values * 0.5 + 0.5


def to_pixels(values: Tensor) -> Tensor:
    """−1…1 → 0…1, of any shape, clipped to what an image holds."""
    return to_unit(values).clamp(0.0, 1.0)
