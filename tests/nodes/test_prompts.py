"""Prompts as a node."""

from __future__ import annotations

import logging

import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.prompting.prompts import Prompt, make_ensemble
from comfyui_sinddm_rs.nodes.prompts import SinDDMPrompts

TEXT = "The bridge is collapsed"


def test_wordings_and_their_texts() -> None:
    ensemble, texts = SinDDMPrompts().make(TEXT, "offline", 5)
    assert ensemble == make_ensemble(TEXT, "offline", 5)
    assert texts == [prompt.text for prompt in ensemble.prompts]
    assert len(texts) == 5 and texts[0] == TEXT


def test_own_prompts_come_before_any_source() -> None:
    ensemble, texts = SinDDMPrompts().make(TEXT, "llm", 5, own="a broken bridge:2\n# a note\nrubble in the river")
    assert ensemble.prompts == (Prompt("a broken bridge", 2.0), Prompt("rubble in the river"))
    assert ensemble.request == TEXT and texts == ["a broken bridge", "rubble in the river"]


def test_no_key_is_a_warning_in_the_console(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("SINDDM_RS_CACHE", "/nonexistent")
    with caplog.at_level(logging.WARNING):
        ensemble, _ = SinDDMPrompts().make(TEXT, "llm", 5)
    assert ensemble.source == "offline"
    assert "OPENAI_API_KEY" in caplog.text


def test_no_input_of_the_graph_says_where_a_key_is_sent() -> None:
    inputs = SinDDMPrompts.INPUT_TYPES()
    names = {*inputs["required"], *inputs["optional"]}
    assert names == {"text", "source", "n", "llm_model", "own"}


@pytest.mark.parametrize(("text", "n"), [("", 5), (TEXT, 0), (TEXT, 51)])
def test_what_cannot_be_is_refused(text: str, n: int) -> None:
    with pytest.raises(InputError):
        SinDDMPrompts().make(text, "offline", n)
