"""The scales that SinDDM is trained on: sizes, pictures, and the detail that each scale adds (paper, section III-A).

Two ways to make them: :func:`measured_scales` (default; any bands, any size) and :func:`published_scales` (the
published model's, for 8-bit pictures of at most 50,000 pixels).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .pyramid import Size, build_pyramid, size_of
from .value_range import to_pixels

FACTOR = 1.411
COARSEST_AREA = 3110
"""Pixels of scale 0 where its short side stays in COARSEST_SIDES: 40 % of them are one receptive field."""
COARSEST_SIDES = (42, 55)
PUBLISHED_PIXELS = 50_000
DETAIL_PATCH = 11
LEAST_DETAIL = 0.25
"""A scale that adds less detail is still painted anew a little."""


@dataclass(frozen=True)
class Scales:
    """One image at all scales, coarsest first.

    sharp: float [C, H_s, W_s] in −1…1 each. blurred: the next coarser picture enlarged to the same size; for
        scale 0 the picture itself. details: ℓ_s of scale s + 1, in units of the noise-to-image ratio. factor: r.
    """

    sharp: tuple[Tensor, ...]
    blurred: tuple[Tensor, ...]
    details: tuple[float, ...]
    factor: float

    def __len__(self) -> int:
        return len(self.sharp)

    @property
    def sizes(self) -> list[Size]:
        """(height, width) of each scale in pixels."""
        return [size_of(each) for each in self.sharp]


def scale_layout(size: Size) -> tuple[list[Size], float]:
    """Sizes of the scales, coarsest first, and the factor r between them.

    r is the value nearest to FACTOR with which the short side of scale 0 is met exactly.
    """
    short, long = sorted(size)
    coarsest = min(max(round(math.sqrt(COARSEST_AREA * short / long)), COARSEST_SIDES[0]), COARSEST_SIDES[1])
    count = max(1, round(math.log(short / coarsest) / math.log(FACTOR)) + 1)
    factor = math.exp(math.log(short / coarsest) / (count - 1)) if count > 1 else FACTOR
    return scaled_sizes(size, count, factor), factor


def scaled_sizes(size: Size, count: int, factor: float) -> list[Size]:
    """``count`` sizes, coarsest first, that end in ``size``."""
    shrink = [factor**down for down in reversed(range(count))]
    return [(max(1, round(size[0] / by)), max(1, round(size[1] / by))) for by in shrink]


def enlarge(image: Tensor, size: Size) -> Tensor:
    """[C, H, W] → [C, *size], bilinear: how a finished scale enters the next."""
    return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]


def detail(sharp: Tensor, blurred: Tensor) -> float:
    """ℓ: the typical norm of what a scale adds to one 11×11 patch of one band, whatever the image's size.

    Noise of that norm hides which detail was there; so much of it is added before a scale is painted. sharp, blurred:
    float [C, H, W] in −1…1.
    """
    rms = float((sharp - blurred).square().mean().sqrt())
    return max(LEAST_DETAIL, DETAIL_PATCH * rms)


def measured_scales(image: Tensor) -> Scales:
    """Scales of ``image`` (float [C, H, W] in −1…1) with a detail measure that does not depend on its size."""
    sizes, factor = scale_layout(size_of(image))
    sharp, blurred = _sharp_and_blurred(image, sizes)
    details = [detail(*pair) for pair in zip(sharp[1:], blurred[1:], strict=True)]
    return Scales(sharp, blurred, tuple(details), factor)


def scales_like(exemplar: Tensor, scales: Scales) -> Scales:
    """A further picture [C, h, w] at the resolutions of ``scales``; it must not be smaller than their scale 0 there."""
    height, width = exemplar.shape[-2:]
    sizes = scaled_sizes((int(height), int(width)), len(scales), scales.factor)
    return Scales(*_sharp_and_blurred(exemplar, sizes), scales.details, scales.factor)


def _sharp_and_blurred(image: Tensor, sizes: Sequence[Size]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """``Scales.sharp`` and ``Scales.blurred`` of [C, H, W] at these sizes."""
    sharp = build_pyramid(image, sizes)
    finer = [enlarge(coarse, size) for coarse, size in zip(sharp[:-1], sizes[1:], strict=True)]
    return tuple(sharp), (sharp[0], *finer)


def published_scales(image: Tensor, max_pixels: int | None = PUBLISHED_PIXELS) -> Scales:
    """Scales of ``image`` (float [3, H, W] in −1…1) as the published code makes them, its flaws included.

    It resamples 8-bit pictures with Pillow, and takes ℓ_s from a difference of bytes that wraps around, divided by
    the number of values, so ℓ_s falls with the image's size. Raises InputError for other than three bands.
    """
    if len(image) != 3:
        raise InputError(f"The published scales take red, green and blue, not {len(image)} bands; use another recipe.")
    picture = Image.fromarray(_bytes(image))
    size = (picture.height, picture.width)
    if max_pixels is not None and size[0] * size[1] > max_pixels:
        shrink = math.sqrt(size[0] * size[1] / max_pixels)
        size = (int(size[0] / shrink), int(size[1] / shrink))
    sizes, factor = scale_layout(size)
    sharp = [picture.resize((w, h), Image.Resampling.LANCZOS) for h, w in sizes]
    blurred = [sharp[0], *(_enlarged(coarse, size) for coarse, size in zip(sharp[:-1], sizes[1:], strict=True))]
    details = [_published_detail(*pair) for pair in zip(sharp[1:], blurred[1:], strict=True)]
    return Scales(_tensors(sharp), _tensors(blurred), tuple(details), factor)


def _bytes(image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    scaled = to_pixels(image) * 255.0
    return scaled.round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()


def _enlarged(picture: Image.Image, size: Size) -> Image.Image:
    return picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def _published_detail(sharp: Image.Image, blurred: Image.Image) -> float:
    wrapped = np.subtract(np.asarray(sharp), np.asarray(blurred))
    return float(np.linalg.norm(wrapped) / wrapped.size)


def _tensors(pictures: Sequence[Image.Image]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(np.array(each)).permute(2, 0, 1).to(torch.float32) / 127.5 - 1.0 for each in pictures)
