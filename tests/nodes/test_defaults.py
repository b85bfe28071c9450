"""What a widget begins with is what the plain function takes where nothing is said; ranges hold their defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import comfyui_sinddm_rs as pack
import pytest
from comfyui_sinddm_rs.guidance.blending import blend
from comfyui_sinddm_rs.guidance.prompting.llm import LlmSettings
from comfyui_sinddm_rs.guidance.prompting.prompts import make_ensemble
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.guidance.styling import style_by_text
from comfyui_sinddm_rs.sinddm.modes import harmonise
from comfyui_sinddm_rs.sinddm.new_scene import scene_from
from comfyui_sinddm_rs.sinddm.training.loop import TrainSettings

pytestmark = pytest.mark.usefixtures("host")
EDIT, TRAIN = EditSettings(), TrainSettings()


def default(function: Callable[..., Any], name: str) -> Any:
    return inspect.signature(function).parameters[name].default


PLAIN: dict[str, dict[str, Any]] = {
    "SinDDMTrain": {
        "recipe": TRAIN.recipe,
        "iterations": TRAIN.iterations or 0,
        "time_budget": TRAIN.time_budget or 0.0,
        "seed": TRAIN.seed,
        "resume": False,
    },
    "SinDDMSample": {"batch_size": 1, "seed": EDIT.seed, "strength": default(scene_from, "strength")},
    "SinDDMGuide": {"guide": EDIT.guide, "download": False},
    "SinDDMPrompts": {
        "source": default(make_ensemble, "source"),
        "n": default(make_ensemble, "count"),
        "llm_model": LlmSettings().model,
    },
    "SinDDMEdit": {"seed": EDIT.seed, "strength": EDIT.strength, "candidates": EDIT.candidates},
    "SinDDMBlend": {"mode": default(blend, "mode"), "feather": default(blend, "feather")},
    "SinDDMStyle": {"strength": default(style_by_text, "strength"), "seed": default(style_by_text, "seed")},
    "SinDDMHarmonize": {"steps": default(harmonise, "steps"), "seed": default(harmonise, "seed")},
}
WITHOUT = {
    "SinDDMScene": {"scene"},
    "SinDDMSaveModel": {"name", "folder"},
    "SinDDMLoadModel": {"name"},
    "SinDDMLoadRaster": {"file", "region", "rgb"},
    "SinDDMSaveRaster": {"name"},
    "SinDDMSample": {"width", "height"},
    "SinDDMPrompts": {"text", "own"},
    "SinDDMEdit": {"text"},
    "SinDDMScore": {"text"},
    "SinDDMStyle": {"text"},
}
"""Widgets for which the function has no default: what is to be done, and to what."""


def widgets(name: str) -> dict[str, Any]:
    groups = pack.NODE_CLASS_MAPPINGS[name].INPUT_TYPES()
    inputs = {**groups["required"], **groups.get("optional", {})}
    return {key: kind for key, kind in inputs.items() if isinstance(kind[0], list) or "default" in kind[1]}


@pytest.mark.parametrize("name", pack.NODE_CLASS_MAPPINGS)
def test_widgets_begin_with_the_defaults_of_the_functions(name: str) -> None:
    known = PLAIN.get(name, {})
    assert set(widgets(name)) == set(known) | WITHOUT.get(name, set())
    assert {key: kind[1]["default"] for key, kind in widgets(name).items() if key in known} == known


@pytest.mark.parametrize("name", pack.NODE_CLASS_MAPPINGS)
def test_ranges_are_given_and_hold_their_defaults(name: str) -> None:
    for key, (kind, options) in widgets(name).items():
        if kind in ("INT", "FLOAT"):
            assert options["min"] <= options["default"] <= options["max"], key
        elif isinstance(kind, list) and kind:
            assert options.get("default", kind[0]) in kind, key


@pytest.mark.parametrize("name", pack.NODE_CLASS_MAPPINGS)
def test_an_optional_input_may_be_left_out_of_a_graph(name: str) -> None:
    node = pack.NODE_CLASS_MAPPINGS[name]
    parameters = inspect.signature(getattr(node, node.FUNCTION)).parameters
    for key, (_, options) in node.INPUT_TYPES().get("optional", {}).items():
        assert parameters[key].default == options.get("default"), key
