"""Style and harmonising as nodes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.nodes.modes import SinDDMHarmonize, SinDDMStyle
from comfyui_sinddm_rs.nodes.types import InstantModel
from comfyui_sinddm_rs.sinddm.modes import harmonise
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from torch import Tensor

from .conftest import Host

pytestmark = pytest.mark.usefixtures("host")


def style(model: object, image: Tensor, **inputs: Any) -> Tensor:
    with torch.inference_mode():  # as ComfyUI does
        given = {"text": "Snow", "strength": 0.3, "seed": 0, **inputs}
        (styled,) = SinDDMStyle().style(model=model, image=image, **given)  # type: ignore[arg-type]
    return styled


def harmonize(model: object, image: Tensor, **inputs: Any) -> Tensor:
    with torch.inference_mode():
        given = {"steps": 5, "seed": 0, **inputs}
        (blended,) = SinDDMHarmonize().harmonize(model=model, image=image, **given)  # type: ignore[arg-type]
    return blended


def test_the_text_moves_the_style(trained: SinDDMModel, scene: Tensor, host: Host) -> None:
    styled, plain = style(trained, scene), style(trained, scene, strength=0.0)
    assert styled.shape == scene.shape and not torch.equal(styled, plain)
    assert host.updates[-1] == host.total and host.previews[0][1].size == (71, 64)


def test_a_cancelled_style_ends_at_its_next_step(trained: SinDDMModel, scene: Tensor, host: Host) -> None:
    host.cancel_after = 1
    with pytest.raises(InterruptedError):
        style(trained, scene)
    assert len(host.updates) == 1


def test_harmonising_is_that_of_the_plain_function(trained: SinDDMModel, scene: Tensor, host: Host) -> None:
    batch, mask = torch.cat([scene, scene.flip(2)]), torch.zeros(1, 64, 71)
    mask[:, 5:15, 5:20] = 1
    blended = harmonize(trained, batch, mask=mask)
    for i, (each, before) in enumerate(zip(blended, batch, strict=True)):
        wanted = harmonise(trained, before.permute(2, 0, 1), mask[0], seed=i)
        assert torch.equal(each.permute(2, 0, 1), wanted)
        assert torch.equal(each[45:], before[45:])
    assert host.updates[-1] == host.total


def test_without_a_mask_the_whole_image_is_harmonised(trained: SinDDMModel, scene: Tensor) -> None:
    whole = harmonize(trained, scene)
    assert float((whole != scene).float().mean()) > 0.9
    assert torch.equal(whole, harmonize(trained, scene, mask=torch.zeros(1, 64, 64)))


@pytest.mark.parametrize("run", [style, harmonize])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"model": {"network": 1}}, "The input 'model' is a dict"),
        ({"model": InstantModel(torch.zeros(3, 40, 40))}, "is an instant model, and only a trained one"),
        ({"image": "scene"}, "The input 'image' is a str"),
        ({"image": torch.zeros(1, 1, 1, 3)}, "The image is 1×1 px"),
        ({"image": torch.full((1, 40, 40, 3), float("nan"))}, "The image holds NaN"),
        ({"image": torch.eye(40)[None, ..., None].repeat(1, 1, 1, 4)}, "4"),
        ({"seed": -1}, "The seed -1"),
    ],
)
def test_bad_inputs_of_both_are_named(
    trained: SinDDMModel, scene: Tensor, run: Any, inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(**{"model": trained, "image": scene, **inputs})


def test_bad_inputs_of_each_are_named(trained: SinDDMModel, scene: Tensor) -> None:
    for strength in (-0.1, 2.1, float("nan")):
        with pytest.raises(InputError, match="The input 'strength' is"):
            style(trained, scene, strength=strength)
    with pytest.raises(InputError, match="The prompt is empty"):
        style(trained, scene, text=" ")
    with pytest.raises(InputError, match="The input 'guide' is a str"):
        style(trained, scene, guide="compact")
    for steps in (0, 100):
        with pytest.raises(InputError, match=f"cannot begin at step {steps}; choose 1 to 99"):
            harmonize(trained, scene, steps=steps)
    with pytest.raises(InputError, match="The input 'mask' holds NaN"):
        harmonize(trained, scene, mask=torch.full((1, 64, 71), float("nan")))
