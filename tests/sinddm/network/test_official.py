"""Checkpoints of the published code: converted exactly, every mismatch named at once, nothing in them ever run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.sinddm.network.architecture import new_network
from comfyui_sinddm_rs.sinddm.network.diffusion import Diffusion
from comfyui_sinddm_rs.sinddm.network.model import NetworkDenoiser
from comfyui_sinddm_rs.sinddm.network.model_file import load_model, model_bytes
from comfyui_sinddm_rs.sinddm.network.official import import_official
from comfyui_sinddm_rs.sinddm.new_scene import scene_from
from comfyui_sinddm_rs.sinddm.scales import published_scales
from comfyui_sinddm_rs.sinddm.schedule import noise_schedule
from torch import Tensor

Picture = Callable[..., Tensor]


@pytest.fixture
def image(picture: Picture) -> Tensor:
    return picture(3, 90, 100)


def official(image: Tensor, width: int = 16) -> dict[str, Any]:
    """What the published code saves, its buffers and its history included."""
    scales = published_scales(image)
    diffusion = Diffusion(noise_schedule(), scales.details)
    states = []
    for seed in (1, 2):
        network = new_network(width, 3, torch.Generator().manual_seed(seed))
        buffers = {"betas": torch.zeros(100), "gammas": diffusion.gammas[1:].clone()}
        states.append(buffers | {f"denoise_fn.{name}": each for name, each in network.state_dict().items()})
    history = {"running_loss": [0.5, 0.4], "running_scale": [], "sched": {"last_epoch": 7}}
    return {"step": 120000, "model": states[0], "ema": states[1]} | history


def saved(folder: Path, what: object) -> Path:
    path = folder / "model-12.pt"
    torch.save(what, path)
    return path


def test_the_averaged_weights_are_taken_and_sample(image: Tensor, tmp_path: Path) -> None:
    what = official(image)
    model = import_official(saved(tmp_path, what), image)
    for name, each in model.network.state_dict().items():
        assert torch.equal(each, what["ema"][f"denoise_fn.{name}"])
    assert (model.origin.recipe, model.origin.iterations, model.scales) == ("official", 120000, 2 + 1)
    (tmp_path / "m.safetensors").write_bytes(model_bytes(model))
    again = load_model(tmp_path / "m.safetensors")
    drawn = [scene_from(NetworkDenoiser(each), (90, 100), 0) for each in (model, again)]
    assert torch.equal(*drawn) and bool(torch.isfinite(drawn[0]).all())


def refused(path: Path, image: Tensor, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        import_official(path, image)
    assert all(word in str(caught.value) for word in words) and "\n" not in str(caught.value)


def test_every_mismatch_is_named_at_once(image: Tensor, tmp_path: Path) -> None:
    what = official(image)
    ema = what["ema"]
    del ema["denoise_fn.l2.ds_conv.bias"]
    ema["denoise_fn.extra"] = torch.zeros(3)
    ema["denoise_fn.l3.ds_conv.bias"] = torch.zeros(5)
    ema["denoise_fn.l1.ds_conv.bias"] = torch.full((3,), torch.nan)
    ema["gammas"] = ema["gammas"][:1]
    words = ("missing l2.ds_conv.bias", "unknown extra", "l3.ds_conv.bias is [5] instead of [16]", "no numbers")
    refused(saved(tmp_path, what), image, *words, "it has 2 scales")


def test_another_picture(picture: Picture, image: Tensor, tmp_path: Path) -> None:
    refused(saved(tmp_path, official(image)), picture(3, 150, 160), "scales")
    smooth = torch.nn.functional.interpolate(picture(3, 6, 6)[None], (90, 100), mode="bilinear")[0]
    refused(saved(tmp_path, official(image)), smooth, "saw another picture")


def test_what_is_no_checkpoint(image: Tensor, tmp_path: Path) -> None:
    refused(tmp_path / "none.pt", image, "cannot be read")
    refused(saved(tmp_path, [1, 2]), image, "no named weights")
    refused(saved(tmp_path, {"epoch": 3}), image, "neither 'ema' nor 'model'")
    path = saved(tmp_path, official(image))
    path.write_bytes(path.read_bytes()[:-3000])
    refused(path, image, "damaged")
    path.write_text("hello")
    refused(path, image, "damaged")


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_a_malicious_pickle_does_nothing(image: Tensor, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = saved(tmp_path, official(image) | {"sched": Malicious(marker)})
    refused(path, image, "holds more than weights, and is not opened")
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()
