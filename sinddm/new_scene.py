"""New scenes that look like the one image: sampling without text (paper, section III-A)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rasters.memory import enough_memory
from .denoiser import Denoiser
from .patches.model import PatchDenoiser
from .pyramid import Size
from .sampling import Plan, Watch, sample
from .value_range import to_pixels, to_signed

START_STRENGTH = 0.7
"""Where a scene with a start image begins: its layout stays, its texture does not."""
LEAST_STRENGTH = 0.02
"""Without any noise there is nothing to denoise."""


def new_scene(
    image: Tensor, size: Size, seed: int, device: str | torch.device = "cpu", watch: Watch | None = None
) -> Tensor:
    """A random scene with the content of ``image`` (float [C, H, W] in 0…1): float [C, *size] in 0…1.

    size: (height, width) in pixels, of any aspect. The same seed gives the same bytes on the same machine. Raises
    OutOfMemoryError.
    """
    return scene_from(PatchDenoiser(to_signed(image.to(device)), seed=seed), size, seed, device, watch)


def scene_from(
    denoiser: Denoiser,
    size: Size,
    seed: int,
    device: str | torch.device = "cpu",
    watch: Watch | None = None,
    start: Tensor | None = None,
    strength: float = START_STRENGTH,
) -> Tensor:
    """A random scene of any model of an image: float [C, *size] in 0…1, on the CPU.

    start: float [C, H, W] in 0…1, an image whose layout the scene takes on. strength: share of noise, 0…1, at which
    scale 0 begins from it; the scales above begin as the model itself does. Raises OutOfMemoryError.
    """
    generator = torch.Generator().manual_seed(seed)
    begin = None if start is None else to_signed(start.to(device))
    plan = None if start is None else _plan(denoiser, size, strength)
    with torch.no_grad(), enough_memory("draw a scene", size):
        drawn = sample(denoiser, size, generator, plan=plan, start=begin, watch=watch, device=device)
        return to_pixels(drawn).cpu()


def _plan(denoiser: Denoiser, size: Size, strength: float) -> Plan:
    own = [denoiser.levels(scale, None)[0] for scale in range(1, len(denoiser.sizes(size)))]
    # A hair less, since numbered steps begin at the first one that is noisier.
    shares = [(1.0 - 1e-9) * level.sigma / (level.alpha + level.sigma) for level in own]
    return Plan((max(strength, LEAST_STRENGTH), *shares))
