"""The shipped start: small, finite, and better than nothing on a picture of any bands."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.sinddm.network.architecture import new_network
from comfyui_sinddm_rs.sinddm.network.pretrained import WEIGHTS, load_start
from comfyui_sinddm_rs.sinddm.training.held_out import held_out_loss
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from comfyui_sinddm_rs.sinddm.training.recipes import RECIPES
from safetensors.torch import load_file
from torch import Tensor

WIDTH = RECIPES["fast"].width


def test_the_file_is_small_complete_and_finite() -> None:
    start = load_file(WEIGHTS)
    assert WEIGHTS.stat().st_size < 4_000_000
    assert list(start) == sorted(new_network(WIDTH, 3, torch.Generator()).state_dict())
    assert all(bool(torch.isfinite(each).all()) for each in start.values())
    assert (Path(WEIGHTS).parent / "MODEL_CARD.md").is_file()


def scene(bands: int) -> Tensor:
    image = read_raster(scene_path("river")).pixels[:, :100, :110]
    return torch.cat([image, image.mean(0, keepdim=True)])[:bands] if bands != 1 else image.mean(0, keepdim=True)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_the_start_already_denoises(bands: int) -> None:
    training = Training(scene(bands) * 2.0 - 1.0, TrainSettings())
    blank = new_network(WIDTH, bands, torch.Generator().manual_seed(0))
    started, untrained = (
        held_out_loss(network, training.scales, training.diffusion) for network in (training.network, blank)
    )
    assert untrained > 0.75 and started < (0.25 if bands == 3 else 0.7)


def test_another_width_keeps_its_own_weights() -> None:
    network = new_network(16, 3, torch.Generator().manual_seed(0))
    before = {name: each.clone() for name, each in network.state_dict().items()}
    load_start(network)
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())
