"""Sampling through the scales (paper, section III-A and Algorithm 2), for any denoiser and any steering."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .denoiser import Denoiser, Stage
from .pyramid import Size, build_pyramid, resize
from .schedule import NoiseLevel


@dataclass(frozen=True)
class Step:
    """Where a sampling run stands. ``index`` of ``steps`` at ``scale`` of ``scales``, at noise ``level``."""

    scale: int
    scales: int
    index: int
    steps: int
    level: NoiseLevel

    @property
    def is_last(self) -> bool:
        return self.index == self.steps - 1

    @property
    def is_finest(self) -> bool:
        return self.scale == self.scales - 1


Steer = Callable[[Tensor, Step], Tensor]
"""Called after every prediction with x̂_0 [C, H, W] in −1…1; returns the x̂_0 to go on with."""

Watch = Callable[[Tensor, Step], None]
"""Told of every finished step; may raise to stop the run."""


@dataclass(frozen=True)
class Plan:
    """Share of noise, 0…1, at which each scale begins. Scale s starts at ``starts[min(s, len − 1)]``."""

    starts: Sequence[float]

    def then(self, scales: int, start: float) -> Plan:
        """This plan for the first ``scales``, and ``start`` for those that follow."""
        return Plan((*(self.start(scale) for scale in range(scales)), start))

    def start(self, scale: int) -> float:
        """Share of noise, 0…1, at which ``scale`` begins."""
        return self.starts[min(scale, len(self.starts) - 1)]


def add_noise(image: Tensor, level: NoiseLevel, generator: torch.Generator) -> Tensor:
    """x_t = alpha · image + sigma · ε, the noise drawn on the CPU so that every device sees the same.

    image: float of any shape [.., H, W], as the result.
    """
    noise = torch.randn(image.shape, generator=generator, dtype=torch.float32).to(image)
    return level.alpha * image + level.sigma * noise


def noise_again(image: Tensor, level: NoiseLevel, noisier: NoiseLevel, generator: torch.Generator) -> Tensor:
    """x [.., H, W] at ``level`` brought to the ``noisier`` level by fresh noise."""
    kept = noisier.alpha / level.alpha
    added = math.sqrt(max(0.0, noisier.sigma**2 - (kept * level.sigma) ** 2))
    return kept * image + added * torch.randn(image.shape, generator=generator, dtype=torch.float32).to(image)


def denoising_step(
    noisy: Tensor, clean: Tensor, stage: Stage, level: NoiseLevel, after: NoiseLevel, generator: torch.Generator
) -> Tensor:
    """x [C, H, W] at ``after`` from ``noisy``, x at ``level``, and ``clean``, x̂_0.

    DDIM step (Song et al., arXiv 2010.02502, eq. 12): keep the implied noise, lower its share, renew some of it.
    """
    noise = (noisy - level.alpha * stage.noiseless(clean, level)) / level.sigma
    moved: Tensor = after.alpha * stage.noiseless(clean, after)
    if stage.renewal == 0.0:
        return moved + after.sigma * noise
    ratio = level.alpha * after.sigma / (after.alpha * level.sigma)
    fresh = stage.renewal * after.sigma * math.sqrt(max(0.0, 1.0 - ratio**2))
    kept = math.sqrt(max(0.0, after.sigma**2 - fresh**2))
    return moved + kept * noise + fresh * torch.randn(noisy.shape, generator=generator, dtype=torch.float32).to(noisy)


def sample(
    denoiser: Denoiser,
    size: Size,
    generator: torch.Generator,
    *,
    plan: Plan | None = None,
    start: Tensor | None = None,
    steer: Steer | None = None,
    watch: Watch | None = None,
    recurrence: int = 1,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw one image of ``size`` from the model, coarse to fine.

    plan: how noisy each scale begins; without it the model decides.
    start: float [C, H, W] in −1…1 of ``size``, an image whose noised version begins scale 0 (its layout then
        stays); without it the run begins at pure noise.
    recurrence: how often each step is taken, its result noised again in between (Lugmayr et al., arXiv 2201.09865,
        section 4.2): what steering moved and what it did not grow together.
    Returns float [C, H, W] in −1…1 (not clamped).
    """
    sizes = denoiser.sizes(size)
    begin = build_pyramid(start, sizes[:1])[0] if start is not None else None
    stage: Stage | None = None
    finished: Tensor | None = None
    for scale, scale_size in enumerate(sizes):
        levels = denoiser.levels(scale, None if plan is None else plan.start(scale))
        stage = denoiser.stage(scale, scale_size, stage, finished)
        if finished is not None:
            noisy = add_noise(resize(finished, scale_size), levels[0], generator)
        elif begin is not None:
            noisy = add_noise(begin, levels[0], generator)
        else:
            noisy = torch.randn((denoiser.channels, *scale_size), generator=generator).to(device)
        for index, level in enumerate(levels):
            step = Step(scale, len(sizes), index, len(levels), level)
            for turn in range(1 if step.is_last else recurrence):
                clean = stage.predict(noisy, level)
                if not step.is_last:
                    clean = stage.settled(clean)
                if steer is not None:
                    clean = steer(clean, step)
                if not step.is_last:
                    after = levels[index + 1]
                    moved = denoising_step(noisy, clean, stage, level, after, generator)
                    noisy = moved if turn == recurrence - 1 else noise_again(moved, after, level, generator)
            if watch is not None:
                watch(clean, step)
        finished = clean
    assert finished is not None  # a pyramid has at least one scale
    return finished
