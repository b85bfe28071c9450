"""Noise levels: x_t = alpha · x_0 + sigma · ε."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NoiseLevel:
    """One point of a schedule. ``alpha`` scales the clean image, ``sigma`` unit Gaussian noise."""

    alpha: float
    sigma: float


def flow_levels(start: float, steps: int) -> list[NoiseLevel]:
    """``steps`` levels of the straight-line schedule alpha = 1 − sigma, from sigma = ``start`` down towards 0.

    The last returned level is above 0: the sampler's final prediction is the sample (Lipman et al.,
    arXiv 2210.02747, with the optimal-transport path).
    """
    return [NoiseLevel(1.0 - sigma, sigma) for sigma in (start * (steps - i) / steps for i in range(steps))]
