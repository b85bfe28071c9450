"""Sampling exactly as published: every time step, DDPM at scale 0, deterministic and reblurring above."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..pyramid import Size
from ..sampling import add_noise
from ..scales import enlarge
from .model import NetworkDenoiser, SinDDMModel


def published_sample(model: SinDDMModel, size: Size, generator: torch.Generator) -> tuple[Tensor, int]:
    """A new scene, float [C, *size] in −1…1, and the number of network evaluations that it took."""
    diffusion, evaluations = model.diffusion, 0
    finished: Tensor | None = None
    with torch.no_grad():
        for scale, scale_size in enumerate(NetworkDenoiser(model).sizes(size)):
            steps, blurred = diffusion.start_steps[scale], None
            if finished is None:
                noisy = torch.randn((1, model.network.channels, *scale_size), generator=generator)
            else:
                blurred = enlarge(finished[0], scale_size)[None]
                level = diffusion.schedule.level(min(steps, len(diffusion.schedule) - 1))
                noisy = add_noise(blurred, level, generator)
            for t in reversed(range(steps)):
                reverse = diffusion.reverse(noisy, model.network(noisy, t, scale), blurred, t, scale)
                evaluations += 1
                noisy = reverse.mean
                if t > 0 and scale == 0:
                    spread = math.exp(0.5 * reverse.log_variance)
                    noisy = noisy + spread * torch.randn(noisy.shape, generator=generator)
            finished = noisy
    assert finished is not None
    return finished[0], evaluations
