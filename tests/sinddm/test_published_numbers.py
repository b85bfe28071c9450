"""The numbers of the published SinDDM code, reproduced to 1e-4 relative: network, schedule, scales and reverse steps.

data/published_sinddm.json says for every number by which rule its input was made.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.sinddm.network.architecture import SinDDMNet
from comfyui_sinddm_rs.sinddm.network.diffusion import Diffusion
from comfyui_sinddm_rs.sinddm.scales import published_scales
from comfyui_sinddm_rs.sinddm.schedule import noise_schedule
from torch import Tensor

NUMBERS = json.loads((Path(__file__).parent / "data/published_sinddm.json").read_text())
CLOSE = 1e-4
PYRAMIDS = [pytest.param(case, id=f"{case['image']}-{case['max_pixels']}") for case in NUMBERS["pyramids"]["cases"]]


def close(value: Any) -> Any:
    return pytest.approx(value, rel=CLOSE, abs=1e-12)


def grid(height: int, width: int, phase: float = 0.0) -> Tensor:
    c, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    return torch.from_numpy(np.sin(0.37 * x + 0.23 * y * (c + 1) + c + phase).astype(np.float32))[None]


def picture(width: int, height: int) -> Tensor:
    c, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    slow = 60 * np.sin(0.11 * x + 0.07 * y + c)
    value = 127.5 + slow + 50 * np.sin(0.9 * x - 0.5 * y + 2 * c) + 17 * np.sin(2.3 * x * (c + 1) / 2 + 1.9 * y)
    return torch.from_numpy(np.clip(np.rint(value), 0, 255).astype(np.float32)) / 127.5 - 1.0


@pytest.fixture(scope="module")
def network() -> SinDDMNet:
    net = SinDDMNet(dim=160)
    for index, weight in enumerate(net.state_dict().values()):
        fan = max(1, weight.numel() // weight.shape[0])
        values = np.sin(1.7 * np.arange(weight.numel()) + 0.31 * index) / math.sqrt(fan)
        weight.copy_(torch.from_numpy(values.astype(np.float32)).reshape(weight.shape))
    return net


def test_state_dict(network: SinDDMNet) -> None:
    shapes = {name: list(each.shape) for name, each in network.state_dict().items()}
    assert shapes == NUMBERS["state_dict_shapes"] and list(shapes) == list(NUMBERS["state_dict_shapes"])
    assert sum(each.numel() for each in network.parameters()) == NUMBERS["network"]["parameters"]


@pytest.mark.parametrize("case", NUMBERS["network"]["outputs"], ids=lambda case: f"t{case['t']}-s{case['s']}")
def test_network_output(network: SinDDMNet, case: dict[str, Any]) -> None:
    with torch.no_grad():
        noise = network(grid(case["h"], case["w"]), case["t"], case["s"])[0]
    assert float(noise.mean()) == close(case["mean"]) and float(noise.std()) == close(case["std"])
    for band, row, column, value in case["points"]:
        assert float(noise[band, row, column]) == close(value)


@pytest.mark.parametrize("name", ["alphas_cumprod", "betas", "posterior_mean_coef1", "posterior_mean_coef2"])
def test_cosine_schedule(name: str) -> None:
    ours = getattr(noise_schedule("cosine", NUMBERS["schedule"]["T"]), name)
    assert [ours[t] for t in NUMBERS["schedule"]["t"]] == close(NUMBERS["schedule"][name])


@pytest.mark.parametrize("case", PYRAMIDS)
def test_scales(case: dict[str, Any]) -> None:
    scales = published_scales(picture(*case["image"]), case["max_pixels"])
    assert [[width, height] for height, width in scales.sizes] == case["sizes_wh"]
    assert scales.factor == close(case["scale_factor"])
    assert list(scales.details) == close(case["rescale_losses"])
    diffusion = Diffusion(noise_schedule(), scales.details)
    assert diffusion.start_steps == case["start_steps"]
    for ours, theirs in zip(diffusion.gammas[1:], case["gammas"], strict=True):
        assert [float(ours[t]) for t in case["gammas_t"]] == close(theirs)


@pytest.mark.parametrize("case", NUMBERS["reverse_steps"]["cases"], ids=lambda case: f"s{case['s']}-t{case['t']}")
def test_reverse_step(network: SinDDMNet, case: dict[str, Any]) -> None:
    diffusion = Diffusion(noise_schedule(), published_scales(picture(250, 200)).details)
    width, height = case["size_wh"]
    noisy = grid(height, width, 0.4)
    blurred = 0.7 * grid(height, width, 1.1) if case["s"] else None
    with torch.no_grad():
        noise = network(noisy, case["t"], case["s"])
    reverse = diffusion.reverse(noisy, noise, blurred, case["t"], case["s"])
    assert float(reverse.mean.mean()) == close(case["mean"]) and float(reverse.mean.std()) == close(case["std"])
    assert reverse.log_variance == close(case["log_variance"])
    for band, row, column, value in case["points"]:
        assert float(reverse.mean[0, band, row, column]) == close(value)
