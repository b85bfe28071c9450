"""Two denoisers in one run: who works on which scale, and what is handed over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.hybrid import EDIT, HybridDenoiser, Shares
from comfyui_sinddm_rs.sinddm.network.model import NetworkDenoiser
from comfyui_sinddm_rs.sinddm.new_scene import scene_from
from comfyui_sinddm_rs.sinddm.patches.model import PatchDenoiser, PatchStage
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from torch import Tensor

Picture = Callable[..., Tensor]


@pytest.fixture(scope="module")
def models(picture: Picture) -> tuple[NetworkDenoiser, PatchDenoiser]:
    image = picture(3, 120, 140)
    training = Training(image, TrainSettings(iterations=2, width=8))
    list(training.run())
    return NetworkDenoiser(training.model()), PatchDenoiser(image)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_scales_are_divided_at_a_share(models: tuple[NetworkDenoiser, PatchDenoiser], share: float) -> None:
    network, patches = models
    sizes = HybridDenoiser(patches, network, Shares(share, share)).sizes((120, 140))
    laid = [size for size in patches.sizes((120, 140)) if min(size) <= share * 120]
    painted = [size for size in network.sizes((120, 140)) if min(size) >= share * 120]
    assert laid and painted and sizes == laid + painted


def test_the_network_goes_over_an_edit_once_more(models: tuple[NetworkDenoiser, PatchDenoiser]) -> None:
    network, patches = models
    assert HybridDenoiser(patches, network, EDIT).sizes((120, 140)) == [*patches.sizes((120, 140)), (120, 140)]


@pytest.mark.parametrize("size", [(120, 140), (90, 200)])
def test_both_orders_sample(models: tuple[NetworkDenoiser, PatchDenoiser], size: tuple[int, int]) -> None:
    network, patches = models
    for coarse, fine in ((network, patches), (patches, network)):
        drawn = scene_from(HybridDenoiser(coarse, fine, Shares(0.6, 0.6)), size, 0)
        assert drawn.shape == (3, *size) and bool(torch.isfinite(drawn).all())
        assert torch.equal(drawn, scene_from(HybridDenoiser(coarse, fine, Shares(0.6, 0.6)), size, 0))


def test_a_stage_is_handed_on_only_within_one_model(models: tuple[NetworkDenoiser, PatchDenoiser]) -> None:
    network, patches = models
    hybrid = HybridDenoiser(network, patches, Shares(0.45, 0.45))
    sizes = hybrid.sizes((120, 140))
    coarse, stage, handed = None, None, []
    for scale, size in enumerate(sizes):
        before, stage = stage, hybrid.stage(scale, size, stage, coarse)
        if isinstance(stage, PatchStage):
            handed.append(stage._previous is before)
        level = hybrid.levels(scale, None)[0]
        coarse = stage.predict(torch.randn((3, *size), generator=torch.Generator().manual_seed(0)), level)
    assert handed == [False, True]
