"""The trained network as a denoiser: how often it is asked, and what it makes of other bands and sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.hybrid import model_denoiser
from comfyui_sinddm_rs.sinddm.network.model import STEPS, NetworkDenoiser, SinDDMModel
from comfyui_sinddm_rs.sinddm.network.published_sampling import published_sample
from comfyui_sinddm_rs.sinddm.new_scene import scene_from
from comfyui_sinddm_rs.sinddm.training.held_out import held_out_loss
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from torch import Tensor

Picture = Callable[..., Tensor]


@pytest.fixture(scope="module")
def training(picture: Picture) -> Training:
    training = Training(picture(3, 90, 100), TrainSettings(iterations=4, width=8))
    list(training.run())
    return training


@pytest.fixture(scope="module")
def model(training: Training) -> SinDDMModel:
    return training.model()


def test_forty_evaluations_at_most_for_five_scales(model: SinDDMModel) -> None:
    assert STEPS[0] + 4 * STEPS[1] <= 40
    denoiser = NetworkDenoiser(model)
    for scale in range(model.scales):
        levels = denoiser.levels(scale, None)
        steps = [level.step for level in levels]
        assert steps[0] == model.diffusion.start_steps[scale] - 1 and steps[-1] == 0
        assert steps == sorted(set(steps), reverse=True) and len(steps) <= STEPS[min(scale, 1)]


@pytest.mark.parametrize("start", [0.1, 0.45, 0.9, 1.0])
def test_a_start_is_a_share_of_noise(model: SinDDMModel, start: float) -> None:
    level = NetworkDenoiser(model).levels(1, start)[0]
    assert level.sigma / (level.alpha + level.sigma) == pytest.approx(start, abs=0.05)


@pytest.mark.parametrize("size", [(90, 100), (64, 150), (180, 120)])
def test_scenes_of_any_size_and_aspect_by_seed(model: SinDDMModel, size: tuple[int, int]) -> None:
    for build in (lambda: NetworkDenoiser(model), lambda: model_denoiser(model)):
        drawn, again, other = (scene_from(build(), size, seed) for seed in (1, 1, 2))
        assert drawn.shape == (3, *size) and float(drawn.min()) >= 0.0 and float(drawn.max()) <= 1.0
        assert torch.equal(drawn, again) and not torch.equal(drawn, other)


def test_bands_beyond_the_network_follow_the_coarser_scale(model: SinDDMModel) -> None:
    denoiser = NetworkDenoiser(model)
    coarse = torch.zeros(4, 45, 50)
    coarse[3] = 0.5
    level = denoiser.levels(1, None)[0]
    noisy = torch.randn((4, 64, 71), generator=torch.Generator().manual_seed(0))
    clean = denoiser.stage(1, (64, 71), None, coarse).predict(noisy, level)
    assert clean.shape == (4, 64, 71) and torch.equal(clean[3], torch.full((64, 71), 0.5))
    alone = denoiser.stage(1, (64, 71), None, coarse[:3]).predict(noisy[:3], level)
    assert torch.equal(clean[:3], alone)


def test_published_sampling_takes_every_step(model: SinDDMModel) -> None:
    drawn, evaluations = published_sample(model, (90, 100), torch.Generator().manual_seed(0))
    assert drawn.shape == (3, 90, 100) and bool(torch.isfinite(drawn).all())
    assert evaluations == sum(model.diffusion.start_steps)


def test_the_held_out_loss_is_the_same_each_time_and_falls_with_training(picture: Picture, training: Training) -> None:
    untrained = Training(picture(3, 90, 100), TrainSettings(iterations=4, width=8))
    before, after = (held_out_loss(each.average, each.scales, each.diffusion) for each in (untrained, training))
    assert after < before
    assert after == held_out_loss(training.average, training.scales, training.diffusion)
