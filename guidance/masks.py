"""Where an edit may act and where it did: soft masks, float [H, W] in 0…1."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..sinddm.pyramid import Size, resize


def blur(mask: Tensor, radius: float) -> Tensor:
    """Gaussian blur of [H, W] with a standard deviation of ``radius`` pixels; mirrored at the border."""
    reach = min(max(1, round(2.5 * radius)), min(mask.shape[-2:]) - 1)
    ramp = torch.arange(-reach, reach + 1, dtype=mask.dtype, device=mask.device)
    kernel = torch.exp(-0.5 * (ramp / radius) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(mask[None, None], (reach,) * 4, mode="reflect")
    rows = F.conv2d(padded, kernel[None, None, :, None])
    return F.conv2d(rows, kernel[None, None, None, :])[0, 0]


def grow(mask: Tensor, radius: int) -> Tensor:
    """The largest value within ``radius`` pixels (a square neighbourhood), [H, W]."""
    return F.max_pool2d(mask[None, None], 2 * radius + 1, 1, radius)[0, 0]


def shrink(mask: Tensor, radius: int) -> Tensor:
    """The smallest value within ``radius`` pixels, [H, W]; the image's own border does not shrink."""
    return 1.0 - grow(1.0 - mask, radius)


def energy_mask(gradient: Tensor, share: float, size: Size) -> Tensor:
    """The smooth region of ``size`` that holds the strongest ``share`` of a gradient's energy (fill factor of SinDDM).

    gradient: [C, h, w] of any scale.
    """
    energy = blur(gradient.square().sum(0).sqrt(), 0.06 * min(gradient.shape[-2:]))
    edge = torch.quantile(energy, 1.0 - share)
    spread = torch.quantile(energy, 1.0 - 0.5 * share) - edge
    soft = torch.sigmoid((energy - edge) / (0.5 * spread + 1e-12))
    return resize(soft[None], size)[0].clamp(0.0, 1.0)


def changed_mask(original: Tensor, edited: Tensor, allowed: Tensor) -> Tensor:
    """Where ``edited`` [C, H, W] visibly leaves ``original`` (both 0…1), inside ``allowed`` [H, W]; soft edges."""
    difference = (edited - original).abs().amax(0)
    visible = ((blur(difference, 1.0) - 0.02) / 0.03).clamp(0.0, 1.0)
    return (blur(grow(visible, 2), 1.2) * allowed).clamp(0.0, 1.0)
