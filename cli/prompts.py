"""``sinddm-rs prompts``: which prompts a request becomes, each with its similarity to their mean."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..guidance.compact import load_compact_guide
from ..guidance.llm import LlmSettings
from ..guidance.prompts import (
    DEFAULT_COUNT,
    MAX_COUNT,
    PromptEnsemble,
    consistent,
    embed_ensemble,
    make_ensemble,
    parse_prompts,
)
from .console import say

LLM_NEEDS = ("optional", "required")


def add_llm_options(parser: argparse.ArgumentParser) -> None:
    """Which language model is asked, where one is; ``llm_settings`` reads them."""
    parser.add_argument(
        "--base-url", metavar="URL", help="an OpenAI-compatible server, for example http://localhost:11434/v1"
    )
    parser.add_argument("--llm-model", metavar="NAME", help="the language model's name there")


def llm_settings(chosen: argparse.Namespace, required: bool = False) -> LlmSettings:
    """The settings that ``add_llm_options`` asked for. Raises InputError."""
    model = LlmSettings.model if chosen.llm_model is None else chosen.llm_model
    return LlmSettings(model, chosen.base_url, required)


def add_to(commands: Any) -> None:
    parser = commands.add_parser("prompts", help="show the prompts that a text becomes", description=__doc__)
    parser.add_argument("text", metavar="TEXT", help='one sentence, for example "The bridge is collapsed"')
    parser.add_argument(
        "--n",
        type=int,
        default=DEFAULT_COUNT,
        metavar="N",
        help=f"prompts in all, 1 to {MAX_COUNT} (%(default)s)",
    )
    sources = parser.add_mutually_exclusive_group()
    sources.add_argument(
        "--llm",
        nargs="?",
        choices=LLM_NEEDS,
        const="optional",
        help="ask a language model; with 'required', one that does not answer is an error",
    )
    sources.add_argument("--prompts", metavar="FILE", help="your own prompts: one a line, with :WEIGHT at will")
    add_llm_options(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    begun = time.perf_counter()
    ensemble = _ensemble(chosen)
    guide = load_compact_guide()
    ensemble = consistent(ensemble, guide)
    texts = [prompt.text for prompt in ensemble.prompts]
    similarities = [round(value, 4) for value in (guide.embed_texts(texts) @ embed_ensemble(ensemble, guide)).tolist()]
    for warning in ensemble.warnings:
        say(f"sinddm-rs: {warning}")
    for dropped in ensemble.dropped:
        say(f"sinddm-rs: dropped '{dropped.text}': {dropped.reason}")
    for text, similarity in zip(texts, similarities, strict=True):
        print(_printable(f"{similarity:.2f}\t{text}"))
    return {
        "text": ensemble.request,
        "source": ensemble.source,
        "prompts": [
            {"text": prompt.text, "weight": prompt.weight, "similarity": similarity}
            for prompt, similarity in zip(ensemble.prompts, similarities, strict=True)
        ],
        "dropped": [{"text": dropped.text, "reason": dropped.reason} for dropped in ensemble.dropped],
        "warnings": list(ensemble.warnings),
        "seconds": round(time.perf_counter() - begun, 2),
    }


def _ensemble(chosen: argparse.Namespace) -> PromptEnsemble:
    settings = llm_settings(chosen, required=chosen.llm == "required")
    if chosen.llm is None and (chosen.base_url, chosen.llm_model) != (None, None):
        raise InputError("Neither --base-url nor --llm-model does anything without --llm; add it or leave them out.")
    if chosen.prompts is not None:
        return parse_prompts(_read_list(chosen.prompts), chosen.text)
    return make_ensemble(chosen.text, "offline" if chosen.llm is None else "llm", chosen.n, settings)


def _read_list(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"The list of prompts {path} cannot be read; give a text file in UTF-8.") from error


def _printable(line: str) -> str:
    """The line with escapes for what the terminal's encoding lacks, so that no prompt breaks the command."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
