"""Diffusion over scales: what noisy picture the network sees, and one step back (Kulikov et al., arXiv 2211.16582).

Above scale 0 the noiseless picture under the noise goes, as t grows, from sharp to the enlarged coarser scale:
mix_t = γ_t · blurred + (1 − γ_t) · sharp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..schedule import NoiseSchedule

MOST_BLUR = 0.55
"""γ when sampling is at most this: beyond, the sharp picture cannot be told from the mix."""


@dataclass(frozen=True)
class Reverse:
    """Distribution of x_{t−1} given x_t: its mean [.., C, H, W] and the logarithm of its variance."""

    mean: Tensor
    log_variance: float


class Diffusion:
    """The forward and reverse process on every scale.

    details: ℓ_s of the scales above 0, in units of the noise-to-image ratio σ_t.
    """

    def __init__(self, schedule: NoiseSchedule, details: Sequence[float]) -> None:
        self.schedule = schedule
        self.details = tuple(details)
        ratio = schedule.noise_ratio
        mixes = [np.zeros_like(ratio), *(np.clip(ratio / each, 0.0, 1.0) for each in details)]
        self.gammas = torch.from_numpy(np.stack(mixes)).to(torch.float32)
        """γ_t^s, float [scales, T]; 0 at scale 0."""
        self.alpha = torch.from_numpy(np.sqrt(schedule.alphas_cumprod)).to(torch.float32)
        self.sigma = torch.from_numpy(np.sqrt(1.0 - schedule.alphas_cumprod)).to(torch.float32)

    @property
    def start_steps(self) -> list[int]:
        """How many steps each scale takes, t = start − 1 … 0: all at scale 0, above it from the first σ_t > ℓ_s."""
        return [len(self.schedule), *(max(1, self.schedule.first_step_above(each)) for each in self.details)]

    def noisy(self, sharp: Tensor, blurred: Tensor, noise: Tensor, t: Tensor, gamma: Tensor) -> Tensor:
        """x_t for training, [B, C, H, W], of equally shaped ``sharp``, ``blurred``, unit ``noise``; t, gamma: [B]."""
        gamma, alpha, sigma = (_over(each, sharp) for each in (gamma, self.alpha[t], self.sigma[t]))
        return alpha * (gamma * blurred + (1.0 - gamma) * sharp) + sigma * noise

    def sampling_gamma(self, t: int, s: int) -> float:
        """γ_t^s as sampling uses it, 0…MOST_BLUR."""
        return min(float(self.gammas[s, t]), MOST_BLUR)

    def unmixed(self, mix: Tensor, blurred: Tensor | None, t: int, s: int) -> Tensor:
        """The sharp picture in mix_t, given the enlarged coarser scale (None at scale 0); all float [.., C, H, W]."""
        gamma = self.sampling_gamma(t, s)
        return mix if blurred is None else (mix - gamma * blurred) / (1.0 - gamma)

    def mixed(self, sharp: Tensor, blurred: Tensor | None, t: int, s: int) -> Tensor:
        """mix_t of the sharp picture and the enlarged coarser scale (None at scale 0); all float [.., C, H, W]."""
        gamma = self.sampling_gamma(t, s)
        return sharp if blurred is None else gamma * blurred + (1.0 - gamma) * sharp

    def without_noise(self, noisy: Tensor, noise: Tensor, t: int) -> Tensor:
        """mix_t = (x_t − σ_t ε̂) / α_t; all float [.., C, H, W]."""
        level = self.schedule.level(t)
        return (noisy - level.sigma * noise) / level.alpha

    def reverse(self, noisy: Tensor, noise: Tensor, blurred: Tensor | None, t: int, s: int) -> Reverse:
        """One published step x_t → x_{t−1}: DDPM at scale 0, deterministic and reblurring above.

        noisy, noise, blurred: x_t, ε̂ and the enlarged coarser scale (None at scale 0), float [.., C, H, W].
        """
        mix = self.without_noise(noisy, noise, t)
        clean = self.unmixed(mix, blurred, t, s)
        mix = mix.clamp(-1.0, 1.0)
        if s == 0:
            clean = clean.clamp(-1.0, 1.0)
            mean = float(self.schedule.posterior_mean_coef1[t]) * clean
            mean = mean + float(self.schedule.posterior_mean_coef2[t]) * noisy
            return Reverse(mean, math.log(max(float(self.schedule.posterior_variance[t]), 1e-20)))
        if t == 0:
            return Reverse(clean.clamp(-1.0, 1.0), math.log(1e-20))
        level, after = self.schedule.level(t), self.schedule.level(t - 1)
        mixed = self.mixed(clean, blurred, t - 1, s).clamp(-1.0, 1.0)
        return Reverse(after.alpha * mixed + after.sigma * (noisy - level.alpha * mix) / level.sigma, math.log(1e-20))


def _over(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images)[:, None, None, None]
