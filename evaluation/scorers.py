"""The guides that score edits, by name or file, and what those that were taught events say about them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..guidance.compact.evaluation import answers_of, label_vectors
from ..guidance.compact.guide import CompactGuide
from ..guidance.event_lookup import find_events
from ..guidance.guide import Guide
from ..guidance.guides import load_guide
from ..guidance.job import PLAIN_TEXT
from ..guidance.regions import whole, window_around
from ..rasters.layout import as_rgb
from ..sinddm.pyramid import size_of

LOGIT_SCALE = 25.0
"""What cosines are multiplied by before the softmax: the bound of that scale in the training of compact guides."""


@dataclass(frozen=True)
class Scorer:
    """A guide that judges. identity: its name, and which weights it has."""

    name: str
    identity: str
    guide: Guide


@dataclass(frozen=True)
class EventChange:
    """How likely a guide finds the event that a request speaks of, where an edit changed.

    Its answers are all events that it was taught, and that nothing happened. before, after: probability in source and
    edit, 0…1. other: the other event that rose most, and by how much.
    """

    event: str
    before: float
    after: float
    other: str
    other_rise: float

    @property
    def rise(self) -> float:
        """How much likelier the event became, −1…1."""
        return self.after - self.before

    def summary(self) -> dict[str, Any]:
        """For JSON, in the order of the fields."""
        numbers = {name: round(getattr(self, name), 4) for name in ("before", "after", "other_rise")}
        return {"event": self.event, "other": self.other, **numbers}


def load_scorers(names: Sequence[str], device: str = "cpu") -> tuple[Scorer, ...]:
    """The guides of these names or files. Raises InputError as ``load_guide``, and for two of one name."""
    scorers: list[Scorer] = []
    for name in names:
        guide = load_guide(name, device)
        if guide.name in (each.name for each in scorers):
            raise InputError(f"Two scorers are called '{guide.name}'; rename the file of one, or leave it out.")
        scorers.append(Scorer(guide.name, f"{guide.name} {guide_digest(guide)}", guide))
    return tuple(scorers)


def guide_digest(guide: Guide) -> str:
    """What tells a guide's weights from others: a digest of what it answers to a text and a picture, 12 digits."""
    slope = torch.linspace(0.0, 1.0, 96).expand(1, 3, 96, 96)
    with torch.no_grad():
        answers = torch.cat([guide.embed_texts([PLAIN_TEXT]), guide.embed_images(slope)])
    # Rounded, as another machine's answers differ in their last digits.
    return hashlib.sha256((answers.double().cpu() * 1e3).round().numpy().tobytes()).hexdigest()[:12]


def event_change(guide: Guide, text: str, edited: Tensor, source: Tensor, region: Tensor) -> EventChange | None:
    """What a guide that was taught events says about the one that ``text`` speaks of, before and after.

    edited, source: float [C, H, W] in 0…1; region: float [H, W], above 0 = what changed (nothing: the whole picture).
    As the model card tells events apart: the places of the picture weigh by how much of them lies in the region, and
    their mean answers among all events that it was taught and "nothing happened". None for a guide of another kind, or
    where the text speaks of no event that it was taught.
    """
    if not isinstance(guide, CompactGuide):
        return None
    with torch.no_grad():
        events = find_events(guide, text)
        if not events or events[0].name not in guide.events:
            return None
        event = events[0]
        answers = label_vectors(guide, answers_of(guide))
        before, after = (_probabilities(guide, answers, each, region) for each in (source, edited))
    index = guide.events.index(event.name)
    rise = (after - before)[: len(guide.events)]
    rise[index] = -torch.inf
    other = int(rise.argmax())
    return EventChange(event.name, float(before[index]), float(after[index]), guide.events[other], float(rise[other]))


def _probabilities(guide: CompactGuide, answers: Tensor, image: Tensor, region: Tensor) -> Tensor:
    """Probability of each of ``answers`` [N, D] in the region of [C, H, W], seen with its context: [N]."""
    inside = region > 0 if bool((region > 0).any()) else torch.ones_like(region, dtype=torch.bool)
    full = size_of(region)
    window = whole(full) if bool(inside.all()) else window_around(inside.float())
    places = guide.embed_places(as_rgb(window.cut(image))[None])[0]
    weight = F.adaptive_avg_pool2d(window.cut(inside.float())[None], (places.shape[1], places.shape[2]))[0]
    scores = torch.einsum("dhw,kd,hw->k", places.cpu(), answers.cpu(), weight / weight.sum())
    return torch.softmax(LOGIT_SCALE * scores, dim=0)
