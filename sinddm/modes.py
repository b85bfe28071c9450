"""What the published SinDDM does besides editing by text (Kulikov et al., arXiv 2211.16582, section 5).

All of it is a start picture, a first noise level and a steer for the one sampler. Pictures are float [C, H, W] in 0…1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .network.model import NetworkDenoiser, NetworkStage, SinDDMModel
from .pyramid import Size, resize, size_of
from .sampling import Steer, Step, Watch, sample
from .schedule import NoiseLevel
from .value_range import to_pixels, to_signed

HARMONISE_STEPS = 5
STYLE_STEPS = 15
PASTE_SHARE = 0.8
"""η: how far the target of a pasted patch replaces x̂_0 at each step."""
MASK_REACH, MASK_BLUR = 7, 5.0
"""How far, in pixels, the region that is harmonised reaches beyond its mask, and the softness of its edge."""

Box = tuple[int, int, int, int]
"""x, y, width and height in pixels."""


@dataclass(frozen=True)
class Paste:
    """The content of one box is to appear in others. source: in the model's picture. targets: in the result."""

    source: Box
    targets: Sequence[Box]


def harmonise(
    model: SinDDMModel,
    composite: Tensor,
    mask: Tensor,
    seed: int = 0,
    steps: int = HARMONISE_STEPS,
    watch: Watch | None = None,
) -> Tensor:
    """Make a pasted object take on the look of the model's picture: float [C, H, W] in 0…1.

    composite: the picture [C, H, W] with the object on it. mask: float [H, W] in 0…1, 1 on the object. The rest
        stays bit for bit.
    Raises InputError for a picture of other bands, a mask of another size, and steps that the schedule does not have.
    """
    _check(model, composite)
    if tuple(mask.shape) != tuple(composite.shape[-2:]):
        raise InputError(f"The mask is {list(mask.shape)}, not {list(composite.shape[-2:])}; give one of that size.")
    repainted = repaint(model, composite, steps, seed, watch=watch)
    soft = _soft(mask)
    return torch.where(soft > 0, composite + (repainted - composite) * soft, composite)


def transfer_style(model: SinDDMModel, content: Tensor, seed: int = 0, steps: int = STYLE_STEPS) -> Tensor:
    """The layout of ``content`` in the colours (matched histograms) and the texture of the model's picture.

    content: float [C, H, W] in 0…1, as the result. Raises InputError for other bands than the model's, and for steps
    that the schedule does not have.
    """
    from skimage.exposure import match_histograms  # noqa: PLC0415 (slow to load)

    _check(model, content)
    style = to_pixels(model.image)
    bands = [each.permute(1, 2, 0).cpu().numpy() for each in (content, style)]
    matched = match_histograms(*bands, channel_axis=2)
    recoloured = torch.from_numpy(np.ascontiguousarray(matched)).permute(2, 0, 1).to(torch.float32)
    return repaint(model, recoloured, steps, seed)


def repaint(
    model: SinDDMModel,
    picture: Tensor,
    steps: int,
    seed: int = 0,
    steer: Steer | None = None,
    watch: Watch | None = None,
) -> Tensor:
    """Noise a picture to time step ``steps`` of the finest scale, and denoise it one step at a time.

    picture: float [C, H, W] in 0…1, as the result, which is on the CPU. As published for work on a given picture, x̂_0
    is not blended with a blurred picture on the way. Raises InputError for steps that the schedule does not have.
    """
    last = len(model.diffusion.schedule) - 1
    if not 1 <= steps <= last:
        raise InputError(f"A repaint cannot begin at step {steps}; choose 1 to {last}.")
    with torch.inference_mode(False), torch.no_grad():
        start = to_signed(picture.clone().to(model.image))
        size = size_of(start)
        generator = torch.Generator().manual_seed(seed)
        device = model.image.device
        drawn = sample(
            _FinestScale(model, steps), size, generator, start=start, steer=steer, watch=watch, device=device
        )
    return to_pixels(drawn).cpu()


class _FinestScale:
    """The network at its finest scale alone, from time step ``first`` down."""

    def __init__(self, model: SinDDMModel, first: int) -> None:
        self._model, self._first = model, first
        self.channels = model.network.channels

    def sizes(self, size: Size) -> list[Size]:
        return [size]

    def levels(self, _scale: int, _start: float | None, /) -> Sequence[NoiseLevel]:
        return [self._model.diffusion.schedule.level(t) for t in reversed(range(self._first + 1))]

    def stage(self, _scale: int, _size: Size, _previous: Any | None, _coarse: Tensor | None, /) -> NetworkStage:
        return NetworkStage(self._model, self._model.scales - 1, None, renewal=0.0)


def paste_patches(
    model: SinDDMModel,
    paste: Paste,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    share: float = PASTE_SHARE,
    watch: Watch | None = None,
) -> Tensor:
    """A new scene of ``size`` (height, width; the picture's own) that shows the content of one box in the target boxes.

    As published: x̂_0 is moved by η = ``share`` towards the patch in each target, on every scale but the finest.
    Returns float [C, *size] in 0…1. Raises InputError for a box that does not lie in its picture.
    """
    size = size or model.size
    for box, where in [(paste.source, model.size), *((target, size) for target in paste.targets)]:
        x, y, width, height = box
        if min(width, height) < 1 or x < 0 or y < 0 or x + width > where[1] or y + height > where[0]:
            raise InputError(f"The box {box} does not lie in {where[1]}×{where[0]} px; move or shrink it.")
    x, y, width, height = paste.source
    patch = model.image[:, y : y + height, x : x + width]

    def steer(clean: Tensor, step: Step) -> Tensor:
        if step.is_finest and step.scales > 1:
            return clean
        pasted = clean.clone()
        for box in paste.targets:
            rows, columns = _scaled(box, size, size_of(clean))
            small = resize(patch, (rows.stop - rows.start, columns.stop - columns.start))
            pasted[:, rows, columns] = share * small + (1.0 - share) * pasted[:, rows, columns]
        return pasted

    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode(False), torch.no_grad():
        denoiser = NetworkDenoiser(model)
        drawn = sample(denoiser, size, generator, steer=steer, watch=watch, device=model.image.device)
    return to_pixels(drawn).cpu()


def _scaled(box: Box, size: tuple[int, int], to: tuple[int, int]) -> tuple[slice, slice]:
    x, y, width, height = box
    slices = []
    for begin, length, full, small in ((y, height, size[0], to[0]), (x, width, size[1], to[1])):
        first = min(small - 1, round(begin * small / full))
        slices.append(slice(first, min(small, max(first + 1, round((begin + length) * small / full)))))
    return slices[0], slices[1]


def _soft(mask: Tensor) -> Tensor:
    """A mask [H, W] that reaches a little further and ends softly."""
    reach = F.max_pool2d(mask[None, None].float(), 2 * MASK_REACH + 1, 1, MASK_REACH)[0, 0]
    blurred = torch.from_numpy(gaussian_filter(reach.cpu().numpy(), MASK_BLUR, mode="nearest"))
    # The Gaussian's tail would touch pixels far from the object.
    return torch.where(blurred > 0.01, blurred, 0.0)


def _check(model: SinDDMModel, picture: Tensor) -> None:
    bands = model.network.channels
    if picture.ndim != 3 or len(picture) != bands:
        raise InputError(
            f"The picture is {list(picture.shape)} and the model has {bands} bands; give one with as many."
        )
