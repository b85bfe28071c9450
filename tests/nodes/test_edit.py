"""Editing as a node: bit for bit the plain function's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.prompting.prompts import make_ensemble
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.nodes.edit import SinDDMEdit
from comfyui_sinddm_rs.nodes.types import InstantModel
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from torch import Tensor

from .conftest import Host

TEXT = "A fire in the forest"


def run(image: Tensor, **inputs: Any) -> tuple[Tensor, Tensor, float]:
    with torch.inference_mode():  # as ComfyUI does
        wanted = {"text": TEXT, "seed": 7, "strength": 0.5, "candidates": 1}
        return SinDDMEdit().edit(image=image.clone(), **{**wanted, **inputs})


def plain(image: Tensor, text: str = TEXT, **inputs: Any) -> Any:
    settings = inputs.pop("settings", EditSettings(seed=7, strength=0.5))
    return edit_image(image[0].permute(2, 0, 1), text, settings=settings, **inputs)


def same(edited: Tensor, wanted: Any) -> bool:
    return torch.equal(edited.permute(2, 0, 1), wanted.image)


def test_each_image_of_a_batch_is_edited_with_a_seed_of_its_own(host: Host, scene: Tensor) -> None:
    edited, changed, score = run(torch.cat([scene, scene]))
    wanted = [plain(scene, settings=EditSettings(seed=seed, strength=0.5)) for seed in (7, 8)]
    assert all(same(*pair) for pair in zip(edited, wanted, strict=True))
    assert torch.equal(changed, torch.stack([each.changed for each in wanted]))
    assert score == pytest.approx(sum(each.score_after for each in wanted) / 2)
    assert host.updates == sorted(host.updates) and host.updates[-1] == host.total
    assert host.previews[-1][1].size == (71, 64)


@pytest.mark.usefixtures("host")
def test_mask_becomes_the_region(scene: Tensor) -> None:
    mask = torch.zeros(1, 64, 71)
    mask[:, 20:40, 15:50] = 1
    edited, *_ = run(scene, mask=mask)
    assert same(edited[0], plain(scene, roi=mask[0]))
    assert torch.equal(edited[0][mask[0] == 0], scene[0][mask[0] == 0])


@pytest.mark.usefixtures("host")
def test_wired_prompts_take_the_place_of_the_text(scene: Tensor) -> None:
    prompts = make_ensemble("The river is flooding", "offline", 3)
    edited, *_ = run(scene, prompts=prompts)
    assert same(edited[0], plain(scene, "The river is flooding", prompts=prompts))


@pytest.mark.usefixtures("host")
def test_an_instant_model_gives_its_exemplars(scene: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    exemplar = scene[0].permute(2, 0, 1).flip(0).contiguous()
    model = InstantModel(scene[0].permute(2, 0, 1), (exemplar,))
    edited, *_ = run(scene, model=model)
    assert same(edited[0], plain(scene, exemplar_images=[exemplar]))
    assert "of another image" not in caplog.text
    run(scene.flip(1), model=model, strength=0.0)
    assert "The instant model is of another image" in caplog.text


@pytest.mark.usefixtures("host")
def test_a_trained_model_goes_to_the_edit(
    scene: Tensor, trained: SinDDMModel, caplog: pytest.LogCaptureFixture
) -> None:
    text = "Sheep graze"
    edited, *_ = run(scene, model=trained, text=text)
    assert same(edited[0], plain(scene, text, model=trained))
    assert not same(edited[0], plain(scene, text))
    assert "trained on another image" not in caplog.text


def test_a_cancelled_run_ends_the_edit(host: Host, scene: Tensor) -> None:
    host.cancel_after = 2
    with pytest.raises(InterruptedError):
        run(scene)
    assert len(host.updates) == 2


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"model": {"image": 1}}, "The input 'model' is a dict"),
        ({"guide": "compact"}, "The input 'guide' is a str"),
        ({"prompts": ["fire"]}, "The input 'prompts' is a list"),
        ({"mask": torch.full((1, 64, 71), float("nan"))}, "The input 'mask' holds NaN"),
        ({"image": torch.full((1, 64, 71, 3), float("nan"))}, "The image holds NaN"),
        ({"image": torch.zeros(1, 1, 1, 3)}, "The image is 1×1 px"),
        ({"strength": 3.1}, "The strength 3.1 is outside"),
        ({"candidates": 0}, "0 candidates"),
        ({"text": " "}, "The prompt is empty"),
    ],
)
def test_what_cannot_be_edited_is_named(scene: Tensor, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(**{"image": scene, **inputs})


@pytest.mark.usefixtures("host")
def test_a_model_trained_for_other_bands_is_refused(trained: SinDDMModel) -> None:
    with pytest.raises(InputError, match="The model has 3 bands and the image 1; train one on this image"):
        run(torch.eye(40)[None, ..., None], model=trained)


def test_the_model_is_the_first_of_the_optional_inputs() -> None:
    inputs = SinDDMEdit.INPUT_TYPES()
    assert list(inputs["required"]) == ["image", "text", "seed", "strength", "candidates"]
    assert list(inputs["optional"]) == ["model", "guide", "prompts", "mask", "raster"]
