"""The forward and reverse process; its agreement with the published numbers is in test_published_numbers.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.network.diffusion import MOST_BLUR, Diffusion
from comfyui_sinddm_rs.sinddm.schedule import SCHEDULES, noise_schedule
from torch import Tensor

Picture = Callable[..., Tensor]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [20, 100])
def test_schedules_go_from_image_to_noise(name: str, steps: int) -> None:
    schedule = noise_schedule(name, steps)
    kept = schedule.alphas_cumprod
    assert len(schedule) == steps and (kept[1:] < kept[:-1]).all() and kept[0] > 0.98 and kept[-1] < 0.01
    level = schedule.level(3)
    assert level.alpha**2 + level.sigma**2 == pytest.approx(1.0) and level.step == 3
    assert level.sigma / level.alpha == pytest.approx(schedule.noise_ratio[3])


def test_the_first_step_above() -> None:
    schedule = noise_schedule()
    for ratio in (0.1, 0.5, 1.0):
        step = schedule.first_step_above(ratio)
        assert schedule.noise_ratio[step - 1] <= ratio < schedule.noise_ratio[step]
    assert schedule.first_step_above(1e9) == 99 and schedule.first_step_above(0.0) == 0


def test_blur_grows_with_time_and_is_whole_where_the_scale_starts() -> None:
    diffusion = Diffusion(noise_schedule(), (0.8, 0.3))
    assert float(diffusion.gammas[0].abs().max()) == 0.0
    for scale, start in enumerate(diffusion.start_steps[1:], 1):
        gamma = diffusion.gammas[scale]
        assert bool((gamma[1:] >= gamma[:-1]).all()) and float(gamma[start]) == 1.0 and float(gamma[start - 1]) < 1.0
        assert diffusion.sampling_gamma(start, scale) == MOST_BLUR
    assert diffusion.start_steps[0] == 100 and diffusion.start_steps[1] > diffusion.start_steps[2]


def test_mixing_and_unmixing_are_inverse(picture: Picture) -> None:
    diffusion = Diffusion(noise_schedule(), (0.8,))
    sharp, blurred = picture(3, 20, 24), picture(3, 20, 24, seed=1)
    for t in (0, 10, 60):
        mix = diffusion.mixed(sharp, blurred, t, 1)
        torch.testing.assert_close(diffusion.unmixed(mix, blurred, t, 1), sharp)
    assert diffusion.mixed(sharp, None, 50, 0) is sharp and diffusion.unmixed(sharp, None, 50, 0) is sharp


@pytest.mark.parametrize("scale", [0, 1])
def test_with_the_true_noise_the_picture_comes_back(picture: Picture, scale: int) -> None:
    diffusion = Diffusion(noise_schedule(), (0.8,))
    sharp, blurred = (picture(3, 20, 24, seed=seed)[None] for seed in (0, 1))
    noise = torch.randn(sharp.shape, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([20])
    noisy = diffusion.noisy(sharp, blurred, noise, t, diffusion.gammas[scale, t])
    mix = diffusion.without_noise(noisy, noise, 20)
    known = blurred if scale else None
    torch.testing.assert_close(diffusion.unmixed(mix, known, 20, scale), sharp, atol=1e-4, rtol=0)
