"""``sinddm-rs prompts``: which prompts a request becomes, each with its similarity to their mean."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ..guidance.guides import load_guide
from ..guidance.prompting.prompts import DEFAULT_COUNT, MAX_COUNT, consistent, embed_ensemble
from ..guidance.settings import EditSettings
from .console import say
from .prompt_options import add_prompt_options, printable, read_ensemble, say_dropped


def add_to(commands: Any) -> None:
    parser = commands.add_parser("prompts", help="show the prompts that a text becomes", description=__doc__)
    parser.add_argument("text", metavar="TEXT", help='one sentence, for example "The bridge is collapsed"')
    parser.add_argument(
        "--n", type=int, default=DEFAULT_COUNT, metavar="N", help=f"prompts in all, 1 to {MAX_COUNT} (%(default)s)"
    )
    add_prompt_options(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    begun = time.perf_counter()
    guide = load_guide(EditSettings.guide)
    ensemble = consistent(read_ensemble(chosen, chosen.text, chosen.n), guide)
    texts = [prompt.text for prompt in ensemble.prompts]
    similarities = [round(value, 4) for value in (guide.embed_texts(texts) @ embed_ensemble(ensemble, guide)).tolist()]
    for warning in ensemble.warnings:
        say(f"sinddm-rs: {warning}")
    say_dropped(ensemble)
    for text, similarity in zip(texts, similarities, strict=True):
        print(printable(f"{similarity:.2f}\t{text}"))
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
