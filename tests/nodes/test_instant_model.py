"""The instant model as a node."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.nodes.instant_model import SinDDMInstantModel
from comfyui_sinddm_rs.nodes.types import InstantModel
from torch import Tensor


def build(**inputs: Any) -> InstantModel:
    with torch.inference_mode():  # as ComfyUI does
        (model,) = SinDDMInstantModel().build(**inputs)
    return model


def test_it_holds_the_image_and_the_exemplars(scene: Tensor) -> None:
    model = build(image=scene, exemplars=torch.cat([scene.flip(1), scene.flip(2)])[:, :40])
    assert torch.equal(model.image.permute(1, 2, 0), scene[0])
    assert [tuple(each.shape) for each in model.exemplars] == [(3, 40, 71)] * 2
    assert not model.image.is_inference()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"an": "image"}, "The input 'image' is a dict"),
        (torch.rand(2, 40, 40, 3, generator=torch.Generator()), "The input 'image' has 2 images and a model is of one"),
        (torch.zeros(0, 40, 40, 3), "The input 'image' is a tensor of shape"),
        (torch.zeros(1, 1, 1, 3), "The image is 1×1 px"),
        (torch.zeros(1, 40, 40, 3), "The image has one colour only"),
        (torch.full((1, 40, 40, 3), float("nan")), "The image holds NaN"),
    ],
)
def test_what_is_no_image_is_named(image: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(image=image)


def test_bad_exemplars_are_named(scene: Tensor) -> None:
    with pytest.raises(InputError, match="The input 'exemplars' is a str"):
        build(image=scene, exemplars="fire.png")
    with pytest.raises(InputError, match="The exemplar is 10×64 px"):
        build(image=scene, exemplars=scene[:, :, :10])
