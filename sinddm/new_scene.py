"""New scenes that look like the one image: sampling without text (paper, section III-A)."""

from __future__ import annotations

import torch
from torch import Tensor

from .denoiser import Denoiser
from .patches import PatchDenoiser
from .pyramid import Size
from .sampling import Watch, sample


def new_scene(
    image: Tensor, size: Size, seed: int, device: str | torch.device = "cpu", watch: Watch | None = None
) -> Tensor:
    """A random scene with the content of ``image`` (float [C, H, W] in 0…1): float [C, *size] in 0…1.

    size: (height, width) in pixels, of any aspect. The same seed gives the same bytes on the same machine.
    """
    return scene_from(PatchDenoiser(image.to(device) * 2.0 - 1.0, seed=seed), size, seed, device, watch)


def scene_from(
    denoiser: Denoiser, size: Size, seed: int, device: str | torch.device = "cpu", watch: Watch | None = None
) -> Tensor:
    """A random scene of any model of an image: float [C, *size] in 0…1, on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        return (sample(denoiser, size, generator, watch=watch, device=device) * 0.5 + 0.5).clamp(0.0, 1.0).cpu()
