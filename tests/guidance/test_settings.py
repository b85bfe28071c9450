from __future__ import annotations

import dataclasses
import math

import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.settings import MAX_CANDIDATES, MAX_STRENGTH, MAX_WORDS, EditSettings, check_prompt

LARGEST_SEED = 2**63 - MAX_CANDIDATES - 1


def test_the_defaults_make_one_drawn_edit_on_the_cpu():
    settings = EditSettings()
    assert (settings.seed, settings.strength, settings.candidates) == (0, 1.0, 1)
    assert (settings.exemplars, settings.guide, settings.device) == ("auto", "compact", "cpu")


@pytest.mark.parametrize(
    "choice",
    [
        {"seed": 0},
        {"seed": LARGEST_SEED},
        {"strength": 0.0},
        {"strength": MAX_STRENGTH},
        {"candidates": 1},
        {"candidates": MAX_CANDIDATES},
        {"exemplars": "none"},
    ],
)
def test_the_ends_of_every_range_are_allowed(choice):
    (name, value), *_ = choice.items()
    assert getattr(EditSettings(**choice), name) == value


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"seed": -1}, "seed -1"),
        ({"seed": LARGEST_SEED + 1}, f"seed {LARGEST_SEED + 1}"),
        ({"strength": -0.01}, "strength -0.01"),
        ({"strength": MAX_STRENGTH + 0.01}, "strength 3.01"),
        ({"strength": math.nan}, "strength nan"),
        ({"strength": math.inf}, "strength inf"),
        ({"candidates": 0}, "0 candidates"),
        ({"candidates": MAX_CANDIDATES + 1}, "65 candidates"),
        ({"exemplars": "all"}, "'all'"),
        ({"prompts": "gpt"}, "'gpt'"),
        ({"preset": "best"}, "'best'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_that_names_it(choice, named):
    with pytest.raises(InputError) as caught:
        EditSettings(**choice)
    message = str(caught.value)
    assert named in message
    assert message.endswith(".") and "\n" not in message


@pytest.mark.parametrize("choice", [{"seed": 1.5}, {"candidates": 1.5}])
def test_a_fraction_where_a_whole_number_belongs_is_refused(choice):
    with pytest.raises(InputError):
        EditSettings(**choice)


def test_settings_do_not_change_once_made():
    with pytest.raises(dataclasses.FrozenInstanceError):
        EditSettings().strength = 2.0  # type: ignore[misc]


def test_a_prompt_loses_superfluous_blanks_only():
    assert check_prompt("  A fire\n in\tthe  Forest! ") == "A fire in the Forest!"


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_an_empty_prompt_is_refused(text):
    with pytest.raises(InputError, match="prompt is empty"):
        check_prompt(text)


def test_a_prompt_has_at_most_so_many_words():
    assert len(check_prompt("fire " * MAX_WORDS).split()) == MAX_WORDS
    with pytest.raises(InputError, match=f"{MAX_WORDS + 1} words"):
        check_prompt("fire " * (MAX_WORDS + 1))
