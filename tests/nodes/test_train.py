"""Training as a node: bit for bit the plain function's, also after a cancel, and in any mode of the host."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.nodes import progress
from comfyui_sinddm_rs.nodes.train import SinDDMTrain
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from comfyui_sinddm_rs.sinddm.network.model_file import model_bytes
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from torch import Tensor

from .conftest import Host

SETTINGS = {"recipe": "fast", "iterations": 3, "time_budget": 0.0, "seed": 5}


@pytest.fixture
def no_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_PREVIEW", math.inf)


def train(image: Tensor, **inputs: Any) -> tuple[SinDDMModel, Tensor, int]:
    with torch.inference_mode():  # as ComfyUI does
        return SinDDMTrain().train(**{"image": image.clone(), **SETTINGS, **inputs})


def plain(scene: Tensor, iterations: int = 3) -> bytes:
    training = Training(scene[0].permute(2, 0, 1) * 2.0 - 1.0, TrainSettings(iterations=iterations, seed=5))
    list(training.run())
    return model_bytes(training.model())


def left(host: Host) -> list[Path]:
    return sorted(path for path in host.models.rglob("*") if path.is_file())


def test_the_model_is_that_of_the_plain_function(host: Host, scene: Tensor) -> None:
    model, loss, steps = train(scene)
    assert model_bytes(model) == plain(scene)
    assert steps == 3 and host.updates[-1] == host.total and host.updates == sorted(host.updates)
    assert loss.shape == (1, 420, 720, 3) and 0 <= float(loss.min()) < float(loss.max()) <= 1
    assert left(host) == []


@pytest.mark.usefixtures("no_previews")
def test_a_cancelled_training_goes_on_bit_for_bit(host: Host, scene: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    host.cancel_after = 1
    with pytest.raises(InterruptedError):
        train(scene)
    assert len(host.updates) == 1, "ended within one step"
    assert "turn on 'resume'" in caplog.text
    (aside,) = left(host)
    assert aside.parent == host.models / "sinddm" / "trainings" and "-fast-5." in aside.name
    host.cancel_after = None
    begun = len(host.updates)
    model, _, steps = train(scene, resume=True)
    assert model_bytes(model) == plain(scene)
    assert steps == 3 and len(host.updates) == begun + 1, "two steps were done before"
    assert left(host) == []


@pytest.mark.usefixtures("no_previews")
def test_another_picture_or_no_resume_begins_anew(host: Host, scene: Tensor) -> None:
    host.cancel_after = 1
    with pytest.raises(InterruptedError):
        train(scene)
    host.cancel_after = None
    train(scene.flip(2), resume=True, iterations=1)
    train(scene, resume=True, exemplars=scene.flip(1), iterations=1)
    assert len(left(host)) == 1, "other trainings leave it alone"
    host.updates.clear()
    train(scene)
    assert len(host.updates) == 3 and left(host) == []


def test_a_new_scene_above_the_loss_is_shown(host: Host, scene: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_PREVIEW", 0.0)
    model, *_ = train(scene)
    shown = [preview[1] for preview in host.previews if preview is not None]
    assert shown and all(each.size == (720, round(720 * 64 / 71) + 420) for each in shown)
    assert len(shown[0].crop((0, 0, 720, 600)).getcolors(1 << 20) or ()) > 100
    assert model_bytes(model) == plain(scene), "previews change nothing"


@pytest.mark.usefixtures("host")
def test_a_time_budget_ends_the_training(scene: Tensor) -> None:
    *_, steps = train(scene, time_budget=0.01, iterations=0)
    assert steps == 1


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"recipe": "slow"}, "There is no recipe 'slow'"),
        ({"iterations": -1}, "-1 iterations cannot be made"),
        ({"time_budget": -2.0}, "The input 'time_budget' is -2; choose 0 to 604,800"),
        ({"time_budget": float("nan")}, "The input 'time_budget' is nan; choose 0 to 604,800"),
        ({"seed": -1}, "The seed -1 is no whole number"),
        ({"image": torch.zeros(1, 34, 40, 3).index_fill_(1, torch.tensor(0), 1.0)}, "smaller than the 35 px"),
        ({"image": torch.ones(2, 40, 40, 3)}, "'image' has 2 images"),
        ({"recipe": "reference", "image": torch.eye(40)[None, ..., None]}, "not 1 bands"),
    ],
)
def test_what_cannot_be_trained_is_named(scene: Tensor, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(**{"image": scene, **inputs})
