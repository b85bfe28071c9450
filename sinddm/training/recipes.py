"""How a network is trained: the published recipe and ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.optim import Adam, Optimizer

from ..network.architecture import PUBLISHED_WIDTH, SinDDMNet
from ..network.diffusion import Diffusion
from ..scales import Scales, measured_scales, published_scales
from .batches import Batches, Crops, WholeImages
from .muon import Muon

PUBLISHED_MILESTONES = (20_000, 40_000, 70_000, 80_000, 90_000, 110_000)
PUBLISHED_BATCH = 32
FAST_BATCH = 16
FAST_CROP = 48
WARM_UP = 20


@dataclass(frozen=True)
class Averaging:
    """Moving average of the weights: share kept, updates apart, first step (a plain copy before it)."""

    decay: float
    every: int
    begin: int


@dataclass(frozen=True)
class Recipe:
    """Everything that distinguishes one way of training from another.

    iterations: default number of steps. pretrained: begin from the shipped weights. rate(step, share): learning rate
    relative to the optimiser's own, given the share 0…1 of the training that is done.
    """

    name: str
    width: int
    iterations: int
    pretrained: bool
    reduced_precision: bool
    averaging: Averaging
    scales: Callable[[Tensor], Scales]
    batches: Callable[[Sequence[Scales], Diffusion], Batches]
    optimiser: Callable[[SinDDMNet], Optimizer]
    rate: Callable[[int, float], float]


def _whole_images(images: Sequence[Scales], diffusion: Diffusion) -> Batches:
    return WholeImages(images[0], diffusion, PUBLISHED_BATCH)


def _halving(step: int, _share: float) -> float:
    return float(0.5 ** sum(step >= milestone for milestone in PUBLISHED_MILESTONES))


def _crops(images: Sequence[Scales], diffusion: Diffusion) -> Batches:
    return Crops(images, diffusion, FAST_BATCH, FAST_CROP)


def _warm_cosine(step: int, share: float) -> float:
    return min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.98 * (1.0 + math.cos(math.pi * share)) / 2.0)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="fast",
            width=96,
            iterations=800,
            pretrained=True,
            reduced_precision=True,
            averaging=Averaging(decay=0.98, every=1, begin=WARM_UP),
            scales=measured_scales,
            batches=_crops,
            optimiser=lambda network: Muon(network, filter_rate=0.02, other_rate=2e-3),
            rate=_warm_cosine,
        ),
        # Published: Adam 1e-3 and its milestones, 32 copies of the image, mean of weights 0.995 every 10 steps; the
        # paper on remote sensing trains for 60,000 iterations.
        Recipe(
            name="reference",
            width=PUBLISHED_WIDTH,
            iterations=60_000,
            pretrained=False,
            reduced_precision=False,
            averaging=Averaging(decay=0.995, every=10, begin=2_000),
            scales=published_scales,
            batches=_whole_images,
            optimiser=lambda network: Adam(network.parameters(), lr=1e-3),
            rate=_halving,
        ),
    )
}
