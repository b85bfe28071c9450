"""This project's methods by name."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.evaluation.method import Method
from comfyui_sinddm_rs.evaluation.own_methods import (
    ABLATIONS,
    OTHER_GUIDE,
    VARIANTS,
    EditWarning,
    SteeredSettings,
    TrainedModels,
    own_method,
)
from comfyui_sinddm_rs.evaluation.run import Prepares
from comfyui_sinddm_rs.guidance.compact.guide import WEIGHTS
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.presets import PRESETS
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.sinddm.network.model_file import load_model
from torch import Tensor

TEXT = "A fire in the forest"


@pytest.fixture
def wood() -> Tensor:
    return read_raster(scene_path("forest")).pixels[:, 100:136, 100:136].contiguous()


@pytest.fixture
def models(tmp_path: Path) -> TrainedModels:
    return TrainedModels(tmp_path / "models", seconds=0.5)


def test_every_variant_is_told_apart_and_compared_with_one_that_there_is(models: TrainedModels) -> None:
    methods = {name: own_method(name, models) for name in VARIANTS}
    assert len({json.dumps(each.parameters, sort_keys=True) for each in methods.values()}) == len(VARIANTS)
    assert all(variant.beside in VARIANTS and variant.what.endswith(".") for variant in VARIANTS.values())
    assert all(isinstance(each, Method) and isinstance(each, Prepares) for each in methods.values())
    assert set(ABLATIONS) <= set(VARIANTS) and OTHER_GUIDE not in VARIANTS


def test_an_ablation_differs_in_one_thing() -> None:
    default, paper = PRESETS["default"], PRESETS["paper"]
    assert VARIANTS["default"].settings == EditSettings()
    assert VARIANTS["no-ensemble"].settings == EditSettings(prompts="none")
    steering = {name: variant.settings.steering for name, variant in VARIANTS.items()}
    assert steering["no-guidance"] == replace(default, share=0.0)
    assert steering["guide-alone"] == replace(default, invents=False)
    assert steering["paper"] == paper and steering["no-mix"] == replace(paper, remembered=0.0)
    assert steering["views-16"] == replace(default, views=replace(default.views, count=16))
    assert [name for name, variant in VARIANTS.items() if variant.trained] == ["hybrid", "network"]


def test_settings_without_a_way_of_steering_take_the_presets() -> None:
    assert SteeredSettings(preset="paper").steering == PRESETS["paper"]


def test_an_edit_is_that_of_the_command_bit_for_bit(wood: Tensor, models: TrainedModels) -> None:
    region = torch.zeros(36, 36)
    region[6:26, 6:24] = 1.0
    edited = own_method("default", models).edit(wood, TEXT, region, 4)
    assert torch.equal(edited, edit_image(wood, TEXT, roi=region, settings=EditSettings(seed=4)).image)
    assert torch.equal(edited[:, region == 0], wood[:, region == 0]) and not torch.equal(edited, wood)


@pytest.mark.filterwarnings("ignore:Nothing changed")
def test_what_an_edit_warns_of_is_passed_on(wood: Tensor, models: TrainedModels) -> None:
    with pytest.warns(EditWarning, match="hardly knows the words"):
        own_method("guide-alone", models).edit(wood, "quixotic zeugma", None, 0)


def test_another_guide_steers(wood: Tensor, models: TrainedModels, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="other-guide needs a guide; name one"):
        own_method(OTHER_GUIDE, models)
    file = shutil.copy(WEIGHTS, tmp_path / "plain.safetensors")
    method = own_method(OTHER_GUIDE, models, str(file))
    assert method.parameters["guide"] == str(file)
    # The weights are the same, so is the edit; an own guide's warning would tell them apart.
    assert torch.equal(method.edit(wood, TEXT, None, 0), own_method("default", models).edit(wood, TEXT, None, 0))


def test_an_unknown_method(models: TrainedModels) -> None:
    with pytest.raises(InputError, match="no method 'magic'; choose among default, no-ensemble"):
        own_method("magic", models)


def test_a_network_is_trained_once_knows_the_event_and_edits(wood: Tensor, models: TrainedModels) -> None:
    hybrid, network = own_method("hybrid", models), own_method("network", models)
    hybrid.prepare(wood, TEXT)
    (path,) = models.folder.glob("*.safetensors")
    written = path.stat().st_mtime_ns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        edits = [each.edit(wood, TEXT, None, 0) for each in (hybrid, network)]
    assert path.stat().st_mtime_ns == written and load_model(path).origin.events == ("fire",)
    assert not torch.equal(edits[0], edits[1]) and all(each.shape == wood.shape for each in edits)
    own_method("default", models).prepare(wood, TEXT)
    assert len(list(models.folder.glob("*.safetensors"))) == 1
    assert replace(models, seconds=0.6) != models and hybrid.parameters["train_seconds"] == 0.5


def test_a_network_of_a_text_without_an_event_knows_the_scene_alone(wood: Tensor, models: TrainedModels) -> None:
    with pytest.warns(EditWarning, match="No event that can be drawn"):
        model = models.model(wood, "covered with purple flowers")
    assert model.origin.events == ()
