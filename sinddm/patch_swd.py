"""How different the fine texture of two images is."""

from __future__ import annotations

import torch
from torch import Tensor

PATCH = 7
PROJECTIONS = 128
PATCHES = 8192


def patch_swd(image: Tensor, other: Tensor, generator: torch.Generator) -> float:
    """Sliced Wasserstein distance between the 7×7 patches of two images.

    After Rabin et al., doi:10.1007/978-3-642-24785-9_37.
    image, other: float [C, H, W] of one value range, of any two sizes. 0 for the same distribution of patches; in the
    units of the pixels, since the projections have unit length per pixel.
    """
    directions = torch.randn(image.shape[0] * PATCH * PATCH, PROJECTIONS, generator=generator)
    directions = directions / directions.norm(dim=0)
    quantiles = []
    for each in (image, other):
        projected = (_some_patches(each.cpu(), generator) @ directions).sort(dim=0).values
        at = torch.linspace(0, len(projected) - 1, 512).round().long()
        quantiles.append(projected[at])
    return float((quantiles[0] - quantiles[1]).abs().mean())


def _some_patches(image: Tensor, generator: torch.Generator) -> Tensor:
    """At most PATCHES of the patches of [C, H, W], drawn without repeating: [N, C · 49]."""
    every = image.unfold(1, PATCH, 1).unfold(2, PATCH, 1)  # a view: only what is drawn is copied
    chosen = torch.randperm(every.shape[1] * every.shape[2], generator=generator)[:PATCHES]
    drawn = every[:, chosen // every.shape[2], chosen % every.shape[2]]
    return drawn.transpose(0, 1).flatten(1)
