"""The options that say which prompts a text becomes, for every command that takes a text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import InputError
from ..guidance.prompting.llm import LlmSettings
from ..guidance.prompting.prompts import DEFAULT_COUNT, PromptEnsemble, make_ensemble, parse_prompts
from ..guidance.settings import PROMPTS, EditSettings
from .console import say

LLM_NEEDS = ("optional", "required")


def add_prompt_options(parser: argparse.ArgumentParser) -> None:
    sources = parser.add_mutually_exclusive_group()
    sources.add_argument(
        "--prompts",
        default=EditSettings.prompts,
        metavar="|".join((*PROMPTS, "FILE")),
        help="where other wordings come from; in a FILE one a line, with :WEIGHT at will (%(default)s)",
    )
    sources.add_argument(
        "--llm",
        nargs="?",
        choices=LLM_NEEDS,
        const="optional",
        help="--prompts llm; with 'required', a language model that does not answer is an error",
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="an OpenAI-compatible server, for example http://localhost:11434/v1"
    )
    parser.add_argument("--llm-model", metavar="NAME", help="the language model's name there")


def read_ensemble(chosen: argparse.Namespace, text: str, count: int = DEFAULT_COUNT) -> PromptEnsemble:
    """The prompts that the options ask for. Raises InputError, and ServiceError where a language model is required."""
    source = chosen.prompts if chosen.llm is None else "llm"
    model = LlmSettings.model if chosen.llm_model is None else chosen.llm_model
    settings = LlmSettings(model, chosen.base_url, required=chosen.llm == "required")
    if source != "llm" and (chosen.base_url, chosen.llm_model) != (None, None):
        raise InputError("Neither --base-url nor --llm-model does anything without --llm; add it or leave them out.")
    if source in PROMPTS:
        return make_ensemble(text, source, count, settings)
    return parse_prompts(_read_list(source), text)


def say_dropped(ensemble: PromptEnsemble) -> None:
    for dropped in ensemble.dropped:
        say(f"sinddm-rs: dropped '{dropped.text}': {dropped.reason}")


def printable(line: str) -> str:
    """The line with escapes for what the terminal's encoding lacks, so that no prompt breaks the command."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def _read_list(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(
            f"The list of prompts {path} cannot be read; choose one of {', '.join(PROMPTS)}, or a text file in UTF-8."
        ) from error
