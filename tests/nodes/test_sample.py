"""New scenes as a node."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.nodes.sample import SinDDMSample
from comfyui_sinddm_rs.nodes.types import InstantModel, Model
from comfyui_sinddm_rs.sinddm.hybrid import model_denoiser
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from comfyui_sinddm_rs.sinddm.new_scene import new_scene, scene_from
from torch import Tensor
from torch.nn import functional as F

from .conftest import Host

pytestmark = pytest.mark.usefixtures("host")


@pytest.fixture
def instant(scene: Tensor) -> InstantModel:
    return InstantModel(scene[0].permute(2, 0, 1).contiguous())


def run(model: Model, **inputs: Any) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():  # as ComfyUI does
        given = {"width": 0, "height": 0, "batch_size": 1, "seed": 3}
        return SinDDMSample().sample(model=model, **{**given, **inputs})


def chw(image: Tensor) -> Tensor:
    return image.permute(2, 0, 1)


def test_scenes_of_an_instant_model_are_those_of_the_plain_function(instant: InstantModel, host: Host) -> None:
    images, scales = run(instant, width=45, height=38, batch_size=2)
    assert images.shape == (2, 38, 45, 3)
    for i, image in enumerate(images):
        assert torch.equal(chw(image), new_scene(instant.image, (38, 45), 3 + i))
    assert torch.equal(scales[-1], images[0]) and scales.shape[1:] == (38, 45, 3)
    assert host.updates == sorted(host.updates) and host.updates[-1] == host.total
    assert host.previews[-1][1].size == (45, 38)


def test_scenes_of_a_trained_model_are_those_of_the_plain_function(trained: SinDDMModel) -> None:
    images, scales = run(trained)
    assert torch.equal(chw(images[0]), scene_from(model_denoiser(trained, 3), (64, 71), 3))
    assert len(scales) == len(model_denoiser(trained).sizes((64, 71)))
    coarse = scales[0]
    assert len(torch.unique(coarse.reshape(-1, 3), dim=0)) < 64 * 71, "a coarse scale has few pixels"


def test_exemplars_lend_their_patches(instant: InstantModel) -> None:
    red = torch.zeros(3, 60, 60)
    red[0] = torch.rand(60, 60, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.8
    images, _ = run(InstantModel(instant.image, (red,)), batch_size=3)
    plain, _ = run(instant, batch_size=3)
    redness = [float((each[..., 0] - each[..., 1]).amax()) for each in (images, plain)]
    assert redness[0] > redness[1] + 0.3


def test_less_noise_keeps_more_of_the_start_image(instant: InstantModel, scene: Tensor) -> None:
    start = scene.flip(1, 2)[:, :60]

    def likeness(strength: float) -> float:
        images, _ = run(instant, image=start, strength=strength)
        pair = [F.adaptive_avg_pool2d(chw(each), 6).flatten() for each in (images[0], start[0])]
        return float(torch.corrcoef(torch.stack(pair))[0, 1])

    assert likeness(0.0) > 0.8 and likeness(0.0) > likeness(1.0) + 0.2


@pytest.mark.parametrize("kind", ["instant", "trained"])
def test_a_start_image_hidden_wholly_is_none(request: pytest.FixtureRequest, scene: Tensor, kind: str) -> None:
    model = request.getfixturevalue(kind)
    hidden, _ = run(model, image=scene.flip(1), strength=1.0)
    alone, _ = run(model)
    assert torch.allclose(hidden, alone, atol=1e-4)
    seen, _ = run(model, image=scene.flip(1), strength=0.0)
    assert bool(torch.isfinite(seen).all()) and not torch.equal(seen, alone)


def test_start_images_serve_in_turn(instant: InstantModel, scene: Tensor) -> None:
    starts = torch.cat([scene.flip(1), scene.flip(2)])
    images, _ = run(instant, image=starts, strength=0.4, batch_size=3)
    alone, _ = run(instant, image=scene.flip(2), strength=0.4, seed=4)
    assert torch.equal(images[1], alone[0]) and not torch.equal(images[2], images[0])


def test_a_cancelled_run_ends_at_its_next_step(instant: InstantModel, host: Host) -> None:
    host.cancel_after = 2
    with pytest.raises(InterruptedError):
        run(instant)
    assert len(host.updates) == 2


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"model": {"image": 1}}, "The input 'model' is a dict; connect SinDDM Instant Model"),
        ({"width": 31}, "The input 'width' is 31; choose 32 to 2,048"),
        ({"height": 2049}, "The input 'height' is 2049; choose 32 to 2,048"),
        ({"width": -5}, "The input 'width' is -5; choose 32 to 2,048"),
        ({"batch_size": 0}, "The input 'batch_size' is 0; choose 1 to 64"),
        ({"batch_size": 65}, "The input 'batch_size' is 65"),
        ({"seed": -1}, "The seed -1"),
        ({"strength": 1.1}, "The input 'strength' is 1.1; choose 0 to 1"),
        ({"strength": float("nan")}, "The input 'strength' is nan"),
        ({"image": torch.zeros(1, 1, 1, 3)}, "The start image is 1×1 px"),
        ({"image": torch.eye(40)[None, ..., None]}, "The start image has 1 bands and the model 3"),
        ({"image": torch.full((1, 40, 40, 3), float("nan"))}, "The start image holds NaN"),
    ],
)
def test_what_cannot_be_sampled_is_named(instant: InstantModel, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(**{"model": instant, **inputs})
