"""Does an ensemble of prompts find its event better than the one prompt it was made from? Prints one JSON object.

python benchmarks/prompt_retrieval.py [--pictures DATA/ucm] [--per-event 12]

Requests: the phrasings of all events that the compact guide was not trained with, plain and in templates that it was
not trained with either. "single" is the request's own vector, "ensemble" that of the offline lexicon after the
consistency filter. A request is right

- phrasings: when its event's training phrasings are, on average, the most similar to it;
- pictures: as the share of the other events' drawings over held-out scenes that are less similar to it than its own
  event's, the area under the curve. Only with --pictures, a folder with one folder of scenes a UC Merced class.

The lexicon recognises nearly every request here, since it was written by people who knew vocabulary.py, whose other
phrasings these are: the figures say what the ensemble gives where a request is understood, not how often one is.
"unrecognised" says what neutral frames do. Nothing of the lexicon was changed because of these figures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from comfyui_sinddm_rs.guidance.compact.evaluation import auc, embed_all, label_vectors
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide, load_compact_guide
from comfyui_sinddm_rs.guidance.compact.pictures import draw_held_out
from comfyui_sinddm_rs.guidance.compact.vocabulary import EVENT_PHRASINGS, HELD_OUT_TEMPLATES, PLACES, split_phrasings
from comfyui_sinddm_rs.guidance.events import EVENTS
from comfyui_sinddm_rs.guidance.prompting.lexicon import read_request
from comfyui_sinddm_rs.guidance.prompting.prompts import consistent, embed_ensemble, make_ensemble
from torch import Tensor


@dataclass(frozen=True)
class Asked:
    """One request, the event it means, whether the lexicon sees a change in it, and its two vectors."""

    text: str
    event: str
    recognised: bool
    vectors: dict[str, Tensor]


def ask(guide: CompactGuide, text: str, event: str) -> Asked:
    ensemble = consistent(make_ensemble(text), guide)
    vectors = {"single": guide.embed_texts([text])[0], "ensemble": embed_ensemble(ensemble, guide)}
    return Asked(text, event, bool(read_request(text).changes), vectors)


def held_out_requests(events: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """(request, its event), plain and with one template and place each, dealt out in turn."""
    plain = [(phrase, event) for event in events for phrase in split_phrasings(EVENT_PHRASINGS[event])[1]]
    framed = [
        (HELD_OUT_TEMPLATES[k % len(HELD_OUT_TEMPLATES)].format(phrase, place=PLACES[7 * k % len(PLACES)]), event)
        for k, (phrase, event) in enumerate(plain)
    ]
    return {"plain": plain, "in_templates": framed}


def mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(len(values), 1), 3)


def by_phrasings(guide: CompactGuide, asked: Sequence[Asked]) -> dict[str, Any]:
    answers = label_vectors(guide, guide.events)
    right = {
        kind: [guide.events[int((answers @ each.vectors[kind]).argmax())] == each.event for each in asked]
        for kind in ("single", "ensemble")
    }
    pairs = list(zip(asked, right["single"], right["ensemble"], strict=True))
    return {
        **{kind: mean(values) for kind, values in right.items()},
        "won": [f"{each.text} ({each.event})" for each, single, both in pairs if both and not single],
        "lost": [f"{each.text} ({each.event})" for each, single, both in pairs if single and not both],
    }


def by_pictures(asked: Sequence[Asked], vectors: Tensor, kinds: Sequence[str]) -> dict[str, float]:
    result = {}
    for kind in ("single", "ensemble"):
        areas = []
        for each in asked:
            own = torch.tensor([name == each.event for name in kinds])
            scores = vectors @ each.vectors[kind]
            areas.append(auc(scores[own], scores[~own]))
        result[kind] = mean(areas)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, metavar="UCM", help="scenes to draw the events over")
    parser.add_argument("--per-event", type=int, default=12, help="drawings of each event (%(default)s)")
    chosen = parser.parse_args()
    begun = time.perf_counter()
    guide = load_compact_guide()
    drawn = None
    if chosen.pictures is not None:
        taught = [event for event in EVENTS if event.name in guide.events]
        pictures = draw_held_out(chosen.pictures, taught, chosen.per_event, seed=0)
        events = pictures.subset(np.isin(pictures.kinds, guide.events))
        drawn = embed_all(guide, events.images), [str(kind) for kind in events.kinds]
    result: dict[str, Any] = {}
    for form, requests in held_out_requests(guide.events).items():
        asked = [ask(guide, text, event) for text, event in requests]
        groups = {
            "all": asked,
            "recognised": [each for each in asked if each.recognised],
            "unrecognised": [each for each in asked if not each.recognised],
        }
        result[form] = {}
        for name, group in groups.items():
            result[form][name] = {"requests": len(group), "phrasings": by_phrasings(guide, group)}
            if drawn is not None:
                result[form][name]["pictures"] = by_pictures(group, *drawn)
    result["seconds"] = round(time.perf_counter() - begun, 1)
    print(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
