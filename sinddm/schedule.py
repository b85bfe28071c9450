"""Noise levels: x_t = alpha · x_0 + sigma · ε."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIMESTEPS = 100
SCHEDULES = ("cosine", "linear")


@dataclass(frozen=True)
class NoiseLevel:
    """One point of a schedule. ``alpha`` scales the clean image, ``sigma`` unit Gaussian noise.

    step: the time step t that the level belongs to, for models that were trained on numbered steps.
    """

    alpha: float
    sigma: float
    step: int | None = None


def flow_levels(start: float, steps: int) -> list[NoiseLevel]:
    """``steps`` levels of the straight-line schedule alpha = 1 − sigma, from sigma = ``start`` down towards 0.

    The last returned level is above 0: the sampler's final prediction is the sample (Lipman et al.,
    arXiv 2210.02747, with the optimal-transport path).
    """
    return [NoiseLevel(1.0 - sigma, sigma) for sigma in (start * (steps - i) / steps for i in range(steps))]


class NoiseSchedule:
    """A variance-preserving schedule of numbered steps t = 0…T−1 (paper, eq. 1–3).

    betas: variance of the noise that each step adds, float64 [T] in 0…1.
    """

    def __init__(self, betas: NDArray[np.float64]) -> None:
        self.betas = betas
        self.alphas_cumprod: NDArray[Any] = np.cumprod(1.0 - betas)
        before = np.append(1.0, self.alphas_cumprod[:-1])
        self.noise_ratio: NDArray[Any] = np.sqrt(1.0 - self.alphas_cumprod) / np.sqrt(self.alphas_cumprod)
        """σ_t: noise per unit of image."""
        self.posterior_variance = betas * (1.0 - before) / (1.0 - self.alphas_cumprod)
        self.posterior_mean_coef1 = betas * np.sqrt(before) / (1.0 - self.alphas_cumprod)
        self.posterior_mean_coef2 = (1.0 - before) * np.sqrt(1.0 - betas) / (1.0 - self.alphas_cumprod)

    def __len__(self) -> int:
        return len(self.betas)

    def level(self, step: int) -> NoiseLevel:
        """The noise level of a time step 0…T−1."""
        kept = float(self.alphas_cumprod[step])
        return NoiseLevel(kept**0.5, (1.0 - kept) ** 0.5, step)

    def first_step_above(self, noise_ratio: float) -> int:
        """The first t with σ_t above ``noise_ratio``; the last step where none is."""
        above = self.noise_ratio > noise_ratio
        return int(np.argmax(above)) if above.any() else len(self) - 1


def noise_schedule(name: str = "cosine", steps: int = TIMESTEPS) -> NoiseSchedule:
    """ "cosine": as the published model (Nichol and Dhariwal, arXiv 2102.09672, in its discretisation);
    "linear": the plain one of Ho et al. (arXiv 2006.11239), stretched to ``steps``. Raises KeyError for other names.
    """
    return NoiseSchedule({"cosine": _cosine_betas, "linear": _linear_betas}[name](steps))


def _cosine_betas(steps: int) -> NDArray[np.float64]:
    # The published code spreads steps + 1 points over 0…steps + 1, so the curve is sampled slightly too wide.
    points = np.linspace(0.0, steps + 1, steps + 1)
    kept = np.cos((points / (steps + 1) + 0.008) / 1.008 * np.pi / 2) ** 2
    betas: NDArray[np.float64] = np.clip(1.0 - kept[1:] / kept[:-1], 0.0, 0.999)
    return betas


def _linear_betas(steps: int) -> NDArray[np.float64]:
    stretch = 1000.0 / steps
    betas: NDArray[np.float64] = np.clip(np.linspace(1e-4 * stretch, 0.02 * stretch, steps), 0.0, 0.999)
    return betas
