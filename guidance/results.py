"""What an edit tells: its progress while it runs, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .prompting.prompts import PromptEnsemble


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
    changed_share: share of the pixels that visibly changed, 0…1. seconds: wall time. seed: of the kept candidate.
    exemplars: names of the events that were drawn. painted: the colour (``#rrggbb``) that the guide gave a surface
    where no event was drawn. ensemble: the prompts that steered, and those that were dropped.
    warnings: sentences for the user.
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
    painted: str | None
    ensemble: PromptEnsemble
    warnings: tuple[str, ...]
    candidates: tuple[Candidate, ...] = field(repr=False, default=())

    def summary(self) -> dict[str, Any]:
        """The numbers of the result, ready for JSON."""
        return {
            "seconds": round(self.seconds, 2),
            "seed": self.seed,
            "guide": self.guide,
            "model": self.model,
            "score_before": round(self.score_before, 3),
            "score_after": round(self.score_after, 3),
            "changed_share": round(self.changed_share, 4),
            "exemplars": list(self.exemplars),
            "painted": self.painted,
            "prompts": [prompt.text for prompt in self.ensemble.prompts],
            "warnings": list(self.warnings),
        }
