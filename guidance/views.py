"""Differentiable, seeded random views of a picture in one batch: the guide must like the change however it looks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

VIEW_SIDE = 64
"""Side of a view in pixels."""


def random_views(images: Tensor, count: int, generator: torch.Generator, least: float = 0.6) -> Tensor:
    """float [B, C, H, W] → [B · count, C, 64, 64]: crops of ``least``…1 of each side, at random places."""
    batch = images.shape[0] * count
    scale = least + (1.0 - least) * torch.rand(batch, generator=generator)
    shift = (torch.rand(batch, 2, generator=generator) * 2.0 - 1.0) * (1.0 - scale)[:, None]
    affine = torch.zeros(batch, 2, 3)
    affine[:, 0, 0] = affine[:, 1, 1] = scale
    affine[:, :, 2] = shift
    grid = F.affine_grid(affine.to(images), [batch, images.shape[1], VIEW_SIDE, VIEW_SIDE], align_corners=False)
    repeated = images.repeat_interleave(count, 0)
    return F.grid_sample(repeated, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
