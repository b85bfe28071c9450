"""The edit: one image, one sentence, optionally a region (paper, section III). Node, command and Python call this."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ..sinddm.patches import PatchDenoiser, PatchSettings
from ..sinddm.pyramid import resize
from ..sinddm.sampling import Plan, Step, sample
from .events.base import Event
from .exemplars import Exemplar, draw_exemplars, find_event
from .guide import Guide
from .masks import changed_mask, energy_mask, grow, blur
from .regions import Window, whole, window_around
from .scores import clip_score
from .steering import in_turn, keep_outside, text_gradient, toward_text


@dataclass(frozen=True)
class EditSettings:
    """Everything that a user may choose; the defaults of node, command and Python.

    seed: the same seed gives the same bytes on the same machine.
    strength: 0 leaves the scene as it is, 1 is the event's typical extent and severity, 2 about twice that.
    candidates: so many seeds are tried (seed, seed + 1, …) and the guide's favourite is kept.
    exemplars: "auto" draws the event that the text speaks of as further patches, "none" does without.
    guide: name of the guide. device: where the model runs, for example "cpu" or "cuda".
    """

    seed: int = 0
    strength: float = 1.0
    candidates: int = 1
    exemplars: str = "auto"
    guide: str = "compact"
    device: str = "cpu"


@dataclass(frozen=True)
class Progress:
    """How far an edit is: share 0…1 done, what is being done, and the picture so far [3, H, W] in 0…1 (or None)."""

    share: float
    message: str
    preview: Tensor | None = None


@dataclass(frozen=True)
class Candidate:
    """One finished edit of one seed: image [C, H, W] in 0…1, changed [H, W] in 0…1, score as in ``EditResult``."""

    image: Tensor
    changed: Tensor
    score: float
    seed: int


@dataclass(frozen=True)
class EditResult:
    """What an edit returns.

    image: float [C, H, W] in 0…1; equal to the input wherever ``changed`` [H, W] (0…1) is 0.
    score_before, score_after: 100 × cosine to the text, of the source and of the edit.
    changed_share: share of the pixels that changed, 0…1. seconds: wall time. seed: of the kept candidate.
    exemplars: names of the events that were drawn. warnings: sentences for the user.
    candidates: every candidate, in the order of the seeds.
    """

    image: Tensor
    changed: Tensor
    score_before: float
    score_after: float
    changed_share: float
    seconds: float
    seed: int
    guide: str
    model: str
    exemplars: tuple[str, ...]
    warnings: tuple[str, ...]
    candidates: tuple[Candidate, ...] = field(repr=False, default=())


EDIT_PLAN = Plan((0.9, 0.65, 0.55, 0.45))
GUIDED_PATCHES = PatchSettings(anchor=60.0)
DRAWINGS = 3
GRADIENT_SHARE = 0.06


def edit_once(
    image: Tensor,
    region: Tensor | None,
    event: Event | None,
    guide: Guide,
    target: Tensor,
    strength: float,
    seed: int,
    watch: Callable[[Tensor, Step], None] | None = None,
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    size = (int(image.shape[-2]), int(image.shape[-1]))
    source = image * 2.0 - 1.0
    drawn: list[Exemplar] = []
    if event is not None and strength > 0:
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        drawn = draw_exemplars(image, event, region, strength, guide, target, rng, DRAWINGS)
    if drawn:
        mask = torch.stack([e.mask for e in drawn]).amax(0)
        mask = (blur(grow(mask, 3), 1.5)).clamp(0, 1)
        mask = ((mask - 0.05) / 0.5).clamp(0, 1)
    else:
        small = resize(source, PatchDenoiser(source).sizes(size)[0])
        gradient = text_gradient(guide, target, small, generator, 16)
        mask = energy_mask(gradient, min(0.9, 0.25 * strength + 1e-3), size)
    if region is not None:
        mask = mask * region
    priors = [np.expm1(4.0 * strength) * grow(e.mask, 4) for e in drawn]
    model = PatchDenoiser(source, [e.image * 2.0 - 1.0 for e in drawn], priors, GUIDED_PATCHES, seed)
    steer = in_turn(
        toward_text(guide, target, GRADIENT_SHARE * strength, mask, generator),
        keep_outside(source, mask),
    )
    sampled = sample(model, size, generator, plan=EDIT_PLAN, start=source, steer=steer, watch=watch)
    edited = (sampled * 0.5 + 0.5).clamp(0.0, 1.0)
    changed = changed_mask(image, edited, mask)
    return torch.where(changed > 0, image + (edited - image) * changed, image), changed
