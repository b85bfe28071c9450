"""Style by text, with a guide that one can compute by hand."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.guidance.styling import style_by_text
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from torch import Tensor


@pytest.fixture(scope="module")
def image() -> Tensor:
    return read_raster(scene_path("forest")).pixels[:, :80, :90].contiguous()


@pytest.fixture(scope="module")
def model(image: Tensor) -> SinDDMModel:
    training = Training(image * 2.0 - 1.0, TrainSettings(iterations=2))
    list(training.run())
    return training.model()


def test_the_picture_takes_on_the_style_and_keeps_its_layout(
    model: SinDDMModel, image: Tensor, colour_guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colour_guide, "colours", {"Red Style": (1.0, 0.0, 0.0)})
    styled, again = (style_by_text(model, image, "Red", colour_guide) for _ in range(2))
    plain = style_by_text(model, image, "Red", colour_guide, strength=0.0)
    assert torch.equal(styled, again) and styled.shape == image.shape
    redness = [float((each[0] - each[1:].mean(0)).mean()) for each in (image, plain, styled)]
    assert redness[2] > redness[1] + 0.02
    bands = torch.stack([styled.mean(0).flatten(), image.mean(0).flatten()])
    assert float(torch.corrcoef(bands)[0, 1]) > 0.5


def test_a_model_of_one_scale_is_refused(image: Tensor, colour_guide: Guide) -> None:
    small = image[:, :45, :45].contiguous()
    training = Training(small * 2.0 - 1.0, TrainSettings(iterations=1, width=8))
    assert len(training.scales) == 1
    with pytest.raises(InputError, match="The model has one scale only"):
        style_by_text(training.model(), small, "Red", colour_guide)


def test_other_bands_are_refused(model: SinDDMModel, image: Tensor, colour_guide: Guide) -> None:
    with pytest.raises(InputError, match="The model has 3 bands and the image 1"):
        style_by_text(model, image[:1], "Red", colour_guide)
