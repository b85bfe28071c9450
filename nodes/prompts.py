"""Prompts as a node: a text and other wordings of it."""

from __future__ import annotations

import os
from typing import Any

from ..errors import InputError
from ..guidance.prompting.llm import LlmSettings
from ..guidance.prompting.prompts import DEFAULT_COUNT, MAX_COUNT, PromptEnsemble, make_ensemble, parse_prompts
from ..guidance.settings import PROMPTS, EditSettings, check_prompt
from .host import warn
from .types import check_range


class SinDDMPrompts:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Says a text in several ways, so that the guide looks for what they have in common (prompt ensembling). "
        "Offline from a lexicon, by a language model, or as you write them."
    )
    FUNCTION = "make"
    RETURN_TYPES = ("RS_PROMPTS", "STRING")
    RETURN_NAMES = ("prompts", "texts")
    OUTPUT_IS_LIST = (False, True)
    OUTPUT_TOOLTIPS = (
        "The prompts, for SinDDM Edit by Text and SinDDM Score.",
        "The same prompts as a list of texts, for a text preview.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "text": (
                    "STRING",
                    {
                        "default": "A fire in the forest",
                        "multiline": True,
                        "tooltip": "What is to be seen after the edit. The edit is scored by this text.",
                    },
                ),
                "source": (
                    list(PROMPTS),
                    {
                        "default": EditSettings.prompts,
                        "tooltip": "offline: a lexicon of remote-sensing events. llm: a language model, with the key "
                        "in OPENAI_API_KEY and, for a server of your own, its address in OPENAI_BASE_URL; where it "
                        "gives no answer, the lexicon does. none: the text alone.",
                    },
                ),
                "n": (
                    "INT",
                    {
                        "default": DEFAULT_COUNT,
                        "min": 1,
                        "max": MAX_COUNT,
                        "tooltip": "Prompts in all, the text first.",
                    },
                ),
            },
            "optional": {
                "llm_model": (
                    "STRING",
                    {"default": LlmSettings.model, "tooltip": "The language model's name at its server."},
                ),
                "own": (
                    "STRING",
                    {
                        "default": "",
                        "multiline": True,
                        "tooltip": "Your own prompts instead, one a line, with a weight if you like: 'smoke:0.5'.",
                    },
                ),
            },
        }

    def make(
        self, text: str, source: str, n: int, llm_model: str = LlmSettings.model, own: str = ""
    ) -> tuple[PromptEnsemble, list[str]]:
        check_range("n", n, 1, MAX_COUNT)
        if own.strip():
            ensemble = _own_prompts(own, text)
        else:
            # Never from the graph: a shared workflow could have the key sent to its author.
            address = os.environ.get("OPENAI_BASE_URL") or None
            ensemble = make_ensemble(text, source, n, LlmSettings(llm_model, address))
        for warning in ensemble.warnings:
            warn(warning)
        return ensemble, [prompt.text for prompt in ensemble.prompts]


def _own_prompts(own: str, text: str) -> PromptEnsemble:
    check_prompt(text)
    try:
        return parse_prompts(own, text)
    except InputError as error:
        raise InputError(f"In the input 'own': {error}") from error
