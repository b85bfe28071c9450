"""Evaluate the compact guide: ``python -m comfyui_sinddm_rs.guidance.compact.evaluation DATA [--weights FILE]``.

DATA holds ``ucm/`` (UC Merced, one folder a class) and, where there are any, real events: ``events/<kind>/`` and
``pairs/flood_before_after/*_before.jpg, *_after.jpg``. Prints one JSON object, the figures of the model card. Nothing
that is counted here was trained on: held-out scenes, held-out phrasings in held-out templates, real pictures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..events import EVENTS
from .guide import WEIGHTS, CompactGuide, load_compact_guide
from .pictures import SIDE, Pictures, draw_held_out, read_picture
from .vocabulary import (
    COVER_PHRASINGS,
    EVENT_PHRASINGS,
    HELD_OUT_TEMPLATES,
    PLACES,
    SCENE_PHRASINGS,
    UNCHANGED,
    UNCHANGED_PHRASINGS,
    split_phrasings,
)

REAL_EVENTS = {
    "burn_scar": ("burn_scar",),
    "burned_houses": ("burn_scar", "damaged_building", "debris"),
    "flooded_or_damaged_house": ("flood", "damaged_building", "debris"),
    "lahar_mudflow": ("landslide",),
    "snow": ("snow",),
    "wildfire_active": ("fire", "smoke"),
    "undamaged_house": (UNCHANGED,),
}
"""Folder of real pictures → the answers that are right for it."""


def answers_of(guide: CompactGuide) -> tuple[str, ...]:
    """What a guide may answer: the events that it was taught, and that nothing happened."""
    return (*guide.events, UNCHANGED)


def label_vectors(guide: CompactGuide, labels: Sequence[str]) -> Tensor:
    """A unit vector for each label [N, D], the mean over the phrasings it was trained with."""
    groups = EVENT_PHRASINGS | SCENE_PHRASINGS | COVER_PHRASINGS | {UNCHANGED: UNCHANGED_PHRASINGS}
    means = [guide.embed_texts(split_phrasings(groups[label])[0]).mean(0) for label in labels]
    return F.normalize(torch.stack(means), dim=1)


def embed_all(guide: CompactGuide, images: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    """uint8 [N, H, W, 3] → [N, D]."""
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2)
    batches = [pictures[i : i + 64] for i in range(0, len(pictures), 64)]
    with torch.no_grad():
        return torch.cat([guide.embed_images(batch.float() / 255) for batch in batches])


def share_right(right: Tensor) -> float:
    return round(float(right.float().mean()), 3)


def held_out_scenes(guide: CompactGuide, pictures: Pictures) -> dict[str, Any]:
    """How often the right event, or the right scene of an unchanged picture, is the likeliest."""
    names = answers_of(guide)
    answers = label_vectors(guide, names)
    scenes = tuple(SCENE_PHRASINGS)
    kinds = np.where(np.isin(pictures.kinds, names), pictures.kinds, "")
    told = [kind != "" for kind in kinds]
    vectors = embed_all(guide, pictures.images)
    guesses = [names[i] for i in (vectors @ answers.T).argmax(1).tolist()]
    right = {
        kind: share_right(torch.tensor([g == k for g, k in zip(guesses, kinds, strict=True) if k == kind]))
        for kind in names
    }
    plain = pictures.kinds == UNCHANGED
    scene_guesses = (vectors[torch.from_numpy(plain)] @ label_vectors(guide, scenes).T).argmax(1).tolist()
    scene_right = [scenes[i] == scene for i, scene in zip(scene_guesses, pictures.scenes[plain], strict=True)]
    return {
        "pictures": int(np.sum(told)),
        "events_top1": share_right(torch.tensor([g == k for g, k in zip(guesses, kinds, strict=True) if k])),
        "events_top1_each": right,
        "events_told_apart": told_apart(guide, pictures),
        "scenes_top1": share_right(torch.tensor(scene_right)),
        "places_auc": places_auc(guide, pictures),
    }


def event_places(guide: CompactGuide, pictures: Pictures) -> Iterator[tuple[int, Tensor, Tensor]]:
    """For each event drawn: its index in ``guide.events``, its pictures' places and their changed shares.

    Places: [N, D, h, w]. Shares: [N, h, w].
    """
    for index, name in enumerate(guide.events):
        chosen = pictures.subset(pictures.kinds == name)
        if not len(chosen):
            continue
        with torch.no_grad():
            places = guide.embed_places(torch.from_numpy(chosen.images).permute(0, 3, 1, 2).float() / 255)
        masks = torch.from_numpy(chosen.masks)[:, None].float() / 255
        yield index, places, F.adaptive_avg_pool2d(masks, (places.shape[2], places.shape[3]))[:, 0]


def told_apart(guide: CompactGuide, pictures: Pictures) -> dict[str, float]:
    """How often the changed places of a picture say, on average, which of the guide's events was drawn there."""
    answers = label_vectors(guide, guide.events)
    result = {}
    for index, places, shares in event_places(guide, pictures):
        scores = torch.einsum("ndhw,kd,nhw->nk", places, answers, shares)
        result[guide.events[index]] = share_right(scores.argmax(1) == index)
    return result | {"mean": round(sum(result.values()) / len(result), 3)}


def auc(positive: Tensor, negative: Tensor) -> float:
    """Probability that a positive scores above a negative."""
    ranks = torch.cat([positive, negative]).argsort().argsort().double()[: len(positive)]
    return round(float((ranks.sum() - len(positive) * (len(positive) - 1) / 2) / (len(positive) * len(negative))), 3)


def places_auc(guide: CompactGuide, pictures: Pictures) -> dict[str, float]:
    """For each event, how well the text tells its changed places from the untouched ones of the same pictures."""
    answers = label_vectors(guide, guide.events)
    result = {}
    for index, places, shares in event_places(guide, pictures):
        scores = torch.einsum("ndhw,d->nhw", places, answers[index])
        result[guide.events[index]] = auc(scores[shares > 0.3], scores[shares < 0.01])
    return result


def held_out_phrasings(guide: CompactGuide) -> dict[str, Any]:
    """How often a phrasing that was never trained, in a template that was never trained, finds its event."""
    answers = label_vectors(guide, guide.events)
    rng = np.random.default_rng(0)
    plain, templated, missed = [], [], []
    for i, name in enumerate(guide.events):
        phrases = split_phrasings(EVENT_PHRASINGS[name])[1]
        found = (guide.embed_texts(phrases) @ answers.T).argmax(1)
        plain.append(found == i)
        guesses = [guide.events[int(guess)] for guess in found]
        missed += [f"{phrase} → {guess}" for phrase, guess in zip(phrases, guesses, strict=True) if guess != name]
        texts = [
            template.format(phrase, place=PLACES[int(rng.integers(len(PLACES)))])
            for phrase in phrases
            for template in HELD_OUT_TEMPLATES
        ]
        templated.append((guide.embed_texts(texts) @ answers.T).argmax(1) == i)
    return {
        "phrasings": sum(map(len, plain)),
        "plain_top1": share_right(torch.cat(plain)),
        "in_templates_top1": share_right(torch.cat(templated)),
        "missed": missed,
    }


def _resized(paths: Sequence[Path]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    pictures = [torch.from_numpy(read_picture(path)).permute(2, 0, 1)[None] for path in paths]
    sized = [F.interpolate(each, (96, 96), mode="bilinear", antialias=True) for each in pictures]
    return np.asarray((torch.cat(sized).permute(0, 2, 3, 1) * 255).round().byte().numpy())


def real_events(guide: CompactGuide, folder: Path) -> dict[str, Any]:
    """Real pictures: how often one of the right answers is the likeliest; flooded places before and after."""
    names = answers_of(guide)
    answers = label_vectors(guide, names)
    result: dict[str, Any] = {}
    for kind, right in REAL_EVENTS.items():
        paths = sorted((folder / "events" / kind).glob("*.*"))[:400]
        if paths:
            guesses = (embed_all(guide, _resized(paths)) @ answers.T).topk(3, dim=1).indices
            ids = torch.tensor([names.index(name) for name in right])
            hits = (guesses[..., None] == ids).any(-1)
            result[kind] = {"pictures": len(paths), "top1": share_right(hits[:, 0]), "top3": share_right(hits.any(1))}
    before = sorted((folder / "pairs" / "flood_before_after").glob("*_before.*"))
    if before:
        after = [path.with_name(path.name.replace("_before", "_after")) for path in before]
        flood = label_vectors(guide, ["flood"])[0]
        scores = [embed_all(guide, _resized(paths)) @ flood for paths in (before, after)]
        result["flood_pairs"] = {
            "pairs": len(before),
            "after_scores_higher": share_right(scores[1] > scores[0]),
            "auc": auc(scores[1], scores[0]),
        }
    return result


def evaluate(guide: CompactGuide, data: Path, drawn: Pictures) -> dict[str, Any]:
    """All figures; ``drawn`` holds pictures over held-out scenes."""
    return {
        "held_out_scenes": held_out_scenes(guide, drawn),
        "held_out_phrasings": held_out_phrasings(guide),
        "real_events": real_events(guide, data),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m comfyui_sinddm_rs.guidance.compact.evaluation", description=__doc__
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--per-event", type=int, default=64, help=f"drawings of each event, {SIDE} px")
    parser.add_argument("--cache", type=Path, help="pictures that the training kept, to use instead of new drawings")
    chosen = parser.parse_args(arguments)
    guide = load_compact_guide(path=chosen.weights)
    if chosen.cache is not None:
        pictures = Pictures.load(chosen.cache)
        drawn = pictures.subset(pictures.held_out)
    else:
        taught = [event for event in EVENTS if event.name in guide.events]
        drawn = draw_held_out(chosen.data / "ucm", taught, chosen.per_event, seed=0, workers=2)
    print(json.dumps(evaluate(guide, chosen.data, drawn), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
