"""Every widget of every node at its limits, which are valid, and beyond them: refused by name, or in one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import comfyui_sinddm_rs as pack
import pytest
from bad_graphs import (
    HEIGHT,
    IMAGE,
    NAN,
    REQUIRED,
    Graph,
    check_goes_on,
    done,
    each,
    graph,
    inputs,
    keep_model,
    keep_raster,
    node,
    refused,
    sentence,
)
from comfyui_sinddm_rs.guidance.clip.presets import PRESETS
from comfyui_sinddm_rs.guidance.clip.weights import find_weights, model_folders

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

WHOLE = {
    "SinDDMBlend": "feather",
    "SinDDMEdit": "seed candidates",
    "SinDDMHarmonize": "steps seed",
    "SinDDMPrompts": "n",
    "SinDDMSample": "width height batch_size seed",
    "SinDDMStyle": "seed",
    "SinDDMTrain": "iterations seed",
}
REAL = {
    "SinDDMEdit": "strength",
    "SinDDMSample": "strength",
    "SinDDMStyle": "strength",
    "SinDDMTrain": "time_budget",
}
CHOICES = {
    "SinDDMBlend": "mode",
    "SinDDMGuide": "guide",
    "SinDDMLoadModel": "name",
    "SinDDMLoadRaster": "file",
    "SinDDMPrompts": "source",
    "SinDDMSaveModel": "folder",
    "SinDDMScene": "scene",
    "SinDDMTrain": "recipe",
}
SWITCHES = {"SinDDMGuide": "download", "SinDDMTrain": "resume"}
TEXTS = {
    "SinDDMEdit": "text",
    "SinDDMLoadRaster": "region rgb",
    "SinDDMPrompts": "text llm_model own",
    "SinDDMSaveModel": "name",
    "SinDDMSaveRaster": "name",
    "SinDDMScore": "text",
    "SinDDMStyle": "text",
}
TABLES = {"INT": WHOLE, "FLOAT": REAL, "COMBO": CHOICES, "BOOLEAN": SWITCHES, "STRING": TEXTS}
RUN: dict[tuple[str, str], Graph] = {
    ("SinDDMBlend", "feather"): {},
    ("SinDDMEdit", "seed"): {},
    ("SinDDMEdit", "strength"): {},
    ("SinDDMHarmonize", "seed"): {},
    ("SinDDMPrompts", "n"): {},
    ("SinDDMSample", "seed"): {},
    ("SinDDMSample", "strength"): {"image": IMAGE},
    ("SinDDMTrain", "iterations"): {"time_budget": 0.1},
    ("SinDDMTrain", "seed"): {},
    ("SinDDMTrain", "time_budget"): {},
}
"""Numbers whose limits are computed soon, and with what."""
STOPPED = {
    "minus": node("PrimitiveInt", value=-1),
    "image": node("EmptyImage", width=["minus", 0], height=HEIGHT, batch_size=1, color=0),
    "model": node("SinDDMInstantModel", image=IMAGE),
}
"""Sources that end a valid graph before its node, which would take long."""


def has_weights(guide: str) -> bool:
    """Whether who runs these tests has fetched the guide's weights."""
    return find_weights(PRESETS[guide], model_folders()) is not None


@pytest.fixture(scope="module", autouse=True)
def model_file(comfyui: ComfyUI) -> None:
    keep_model(comfyui)
    keep_raster(comfyui)


@pytest.fixture(autouse=True)
def goes_on(comfyui: ComfyUI, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    check_goes_on(comfyui, request)


def test_the_tables_have_every_widget(comfyui: ComfyUI) -> None:
    offered: dict[str, set[tuple[str, str]]] = {what: set() for what in TABLES}
    for kind in pack.NODE_CLASS_MAPPINGS:
        for name, (what, _) in inputs(comfyui, kind).items():
            offered.setdefault("COMBO" if isinstance(what, list) else what, set()).add((kind, name))
    assert set(REQUIRED) == set(pack.NODE_CLASS_MAPPINGS)
    for what, table in TABLES.items():
        assert offered[what] == {case.values for case in each(table)}, what


@pytest.mark.parametrize("end", ["min", "max"])
@pytest.mark.parametrize(("kind", "name"), each(WHOLE, REAL))
def test_a_number_just_beyond_its_limit_is_refused(kind: str, name: str, end: str, comfyui: ComfyUI) -> None:
    what, options = inputs(comfyui, kind)[name]
    way = -1 if end == "min" else 1
    beyond = options[end] + way if what == "INT" else math.nextafter(options[end], way * math.inf)
    error = refused(comfyui, graph(kind, **{name: beyond}), name)
    assert error["type"] == ("value_smaller_than_min" if end == "min" else "value_bigger_than_max")


@pytest.mark.parametrize("end", ["min", "max"])
@pytest.mark.parametrize(("kind", "name"), each(WHOLE, REAL))
def test_a_number_at_its_limit_is_valid(kind: str, name: str, end: str, comfyui: ComfyUI) -> None:
    limit = {name: inputs(comfyui, kind)[name][1][end]}
    if (kind, name) in RUN:
        done(comfyui, graph(kind, **RUN[kind, name], **limit))
    else:
        assert comfyui.error(graph(kind, STOPPED, **limit))["node_type"] == "EmptyImage"


@pytest.mark.parametrize("junk", ["many", "", None, {"a": 1}, math.inf, -math.inf], ids=repr)
@pytest.mark.parametrize(("kind", "name"), each(WHOLE, REAL))
def test_what_is_no_number_is_refused(kind: str, name: str, junk: Any, comfyui: ComfyUI) -> None:
    refused(comfyui, graph(kind, **{name: junk}), name)


@pytest.mark.parametrize(("kind", "name"), each(WHOLE))
def test_nan_is_no_whole_number(kind: str, name: str, comfyui: ComfyUI) -> None:
    assert refused(comfyui, graph(kind, **{name: NAN}), name)["type"] == "invalid_input_type"


@pytest.mark.parametrize(("kind", "name"), each(REAL))
def test_nan_passes_by_comfyui_and_is_one_sentence(kind: str, name: str, comfyui: ComfyUI) -> None:
    assert "nan" in sentence(comfyui, graph(kind, **{name: NAN}), name)


@pytest.mark.parametrize("junk", ["none of them", "", "../x", "/etc/passwd", 7, None, {"a": 1}], ids=repr)
@pytest.mark.parametrize(("kind", "name"), each(CHOICES))
def test_an_unknown_choice_is_refused(kind: str, name: str, junk: Any, comfyui: ComfyUI) -> None:
    error = refused(comfyui, graph(kind, **{name: junk}), name)
    of_files = kind in ("SinDDMLoadModel", "SinDDMLoadRaster")
    assert error["type"] == ("custom_validation_failed" if of_files else "value_not_in_list")


@pytest.mark.parametrize(("kind", "name"), each(CHOICES))
def test_every_choice_is_valid(kind: str, name: str, comfyui: ComfyUI) -> None:
    choices, _ = inputs(comfyui, kind)[name]
    assert len(choices) == len(set(choices)) > 0
    own = {"own": "snow"} if kind == "SinDDMPrompts" else {}  # so that no language model is asked
    for choice in choices:
        good = graph(kind, **own, **{name: choice})
        if kind == "SinDDMTrain":
            assert comfyui.error(graph(kind, STOPPED, **{name: choice}))["node_type"] == "EmptyImage"
        elif kind == "SinDDMGuide" and choice in PRESETS and not has_weights(choice):
            assert f"weights of the guide {choice}" in sentence(comfyui, good, name)
        else:
            done(comfyui, good)


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize(("kind", "name"), each(SWITCHES))
def test_a_switch_may_be_on_or_off(kind: str, name: str, value: bool, comfyui: ComfyUI) -> None:
    done(comfyui, graph(kind, **{name: value}))


@pytest.mark.skipif(has_weights("georsclip-ViT-H-14"), reason="needs a guide whose weights are not here")
def test_a_download_without_a_network_is_one_sentence(comfyui: ComfyUI) -> None:
    """The server of these tests runs with HF_HUB_OFFLINE."""
    bad = graph("SinDDMGuide", guide="georsclip-ViT-H-14", download=True)
    assert "RS5M_ViT-H-14.pt" in sentence(comfyui, bad, "fetched")


@pytest.mark.parametrize("junk", [[], [1, 2, 3], IMAGE], ids=["no-link", "list", "an-image"])
@pytest.mark.parametrize(("kind", "name"), each(*TABLES.values()))
def test_what_is_no_value_is_refused(kind: str, name: str, junk: list[Any], comfyui: ComfyUI) -> None:
    error = refused(comfyui, graph(kind, **{name: junk}), name)
    assert error["type"] == ("return_type_mismatch" if junk is IMAGE else "bad_linked_input")


@pytest.mark.parametrize("junk", ["", " \n\t", "snow " * 201, "snow \ud800"], ids=["empty", "blank", "long", "half"])
@pytest.mark.parametrize("kind", [kind for kind, names in TEXTS.items() if "text" in names.split()])
def test_a_text_beyond_its_limits_is_one_sentence(kind: str, junk: str, comfyui: ComfyUI) -> None:
    sentence(comfyui, graph(kind, text=junk), "text")


@pytest.mark.parametrize("kind", ["SinDDMPrompts", "SinDDMScore"])
def test_a_text_of_200_words_is_valid(kind: str, comfyui: ComfyUI) -> None:
    done(comfyui, graph(kind, text="snow " * 200))


@pytest.mark.parametrize("junk", ["", " ", "m\ud800", "m" * 10_000], ids=["empty", "blank", "half", "long"])
def test_a_language_model_without_a_name_is_one_sentence(junk: str, comfyui: ComfyUI) -> None:
    sentence(comfyui, graph("SinDDMPrompts", source="llm", llm_model=junk), "llm_model")


@pytest.mark.parametrize(
    "junk",
    ["snow:nan", "snow:-1", "snow:0", "snow:1e999", ":1", "snow\ud800", "\n".join(map(str, range(51)))],
    ids=["nan", "minus", "zero", "infinite", "no-text", "half", "51"],
)
def test_own_prompts_beyond_their_limits_are_one_sentence(junk: str, comfyui: ComfyUI) -> None:
    sentence(comfyui, graph("SinDDMPrompts", own=junk), "own")


def test_50_own_prompts_are_valid(comfyui: ComfyUI) -> None:
    done(comfyui, graph("SinDDMPrompts", own="\n".join(map(str, range(50)))))
