"""Differentiable, seeded random views of a picture in one batch: the guide must like the change however it looks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Views:
    """How many views, and what may differ between them.

    least: shortest side of a crop as a share of the picture's. perspective: how much the far end of a view is drawn
    together, as a share. flips: from above no side is up. jitter: by how much brightness, contrast and saturation may
    change, as a share.
    """

    count: int
    least: float = 0.6
    perspective: float = 0.0
    flips: bool = False
    jitter: float = 0.0


def random_views(images: Tensor, views: Views, side: int, generator: torch.Generator) -> Tensor:
    """float [B, C, H, W] in 0…1 → [B · count, C, side, side], the views of one image after another."""
    batch = images.shape[0] * views.count
    grid = _grid(batch, views, side, generator).to(images)
    repeated = images.repeat_interleave(views.count, 0)
    seen = F.grid_sample(repeated, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return _jittered(seen, views.jitter, generator) if views.jitter > 0.0 else seen


def _grid(batch: int, views: Views, side: int, generator: torch.Generator) -> Tensor:
    """Where each pixel of each view lies in its picture: [batch, side, side, 2] in −1…1, x before y."""
    scale = views.least + (1.0 - views.least) * torch.rand(batch, generator=generator)
    shift = (torch.rand(batch, 2, generator=generator) * 2.0 - 1.0) * (1.0 - scale)[:, None]
    axes = scale[:, None].expand(batch, 2)
    if views.flips:
        axes = axes * (1.0 - 2.0 * torch.randint(0, 2, (batch, 2), generator=generator))
    grid = F.affine_grid(torch.eye(2, 3).expand(batch, 2, 3), [batch, 1, side, side], align_corners=False)
    if views.perspective > 0.0:
        tilt = views.perspective * (torch.rand(batch, 2, generator=generator) * 2.0 - 1.0)
        # A plane seen aslant: its far end is drawn together, and no point leaves the picture.
        near = (1.0 - tilt.abs().sum(-1))[:, None, None, None]
        grid = grid * near / (1.0 + (grid * tilt[:, None, None]).sum(-1, keepdim=True))
    placed: Tensor = grid * axes[:, None, None] + shift[:, None, None]
    return placed


def _jittered(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation of each [N, C, H, W] times 1 ± ``most``."""
    factors = 1.0 + most * (torch.rand(3, len(images), 1, 1, 1, generator=generator) * 2.0 - 1.0).to(images)
    brightness, contrast, saturation = factors
    mean = images.mean((-3, -2, -1), keepdim=True)
    images = (mean + (images - mean) * contrast) * brightness
    grey = images.mean(-3, keepdim=True)
    changed: Tensor = grey + (images - grey) * saturation
    return changed.clamp(0.0, 1.0)
