"""The image pyramid: sizes of the scales and resampling between them (paper, section III-A).

Scale 0 is the coarsest; the last scale is the full size. Tensors are float [C, H, W].
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]
"""Height and width in pixels."""


def size_of(image: Tensor) -> Size:
    """Height and width of [..., H, W]."""
    return int(image.shape[-2]), int(image.shape[-1])


def scale_sizes(size: Size, coarsest_side: int, factor: float = 2.0) -> list[Size]:
    """Sizes from coarsest to full, each about ``factor`` times the one before.

    The short side of scale 0 is at least ``coarsest_side`` and below ``factor * coarsest_side``
    (or the image's own short side, where that is smaller).
    """
    sizes = [size]
    while min(sizes[0]) / factor >= coarsest_side:
        height, width = sizes[0]
        sizes.insert(0, (round(height / factor), round(width / factor)))
    return sizes


def resize(image: Tensor, size: Size) -> Tensor:
    """Resample [C, H, W] to ``size``: antialiased bicubic, no overshoot beyond the input's own range."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    resized = F.interpolate(image[None], size=size, mode="bicubic", antialias=True, align_corners=False)[0]
    return resized.clamp(image.min(), image.max())


def build_pyramid(image: Tensor, sizes: Sequence[Size]) -> list[Tensor]:
    """Resample [C, H, W] to every size, coarsest first; each scale comes straight from the full image."""
    return [resize(image, size) for size in sizes]


def replace_lows(image: Tensor, coarse: Tensor) -> Tensor:
    """``image`` with the frequencies that ``coarse`` can hold taken from ``coarse``, the finer ones kept: [C, H, W].

    image: float [C, H, W]. coarse: float [C, h, w] of the same values, smaller.
    """
    size = size_of(image)
    own = F.interpolate(image[None], size=coarse.shape[-2:], mode="bicubic", antialias=True, align_corners=False)
    lift = F.interpolate(coarse[None] - own, size=size, mode="bicubic", align_corners=False)
    return image + lift[0]
