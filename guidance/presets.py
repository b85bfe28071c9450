"""How an edit is steered, by name. Which is best was measured: benchmarks/steering.py, docs/guidance.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from .views import Views


@dataclass(frozen=True)
class Steering:
    """How the guide acts on a sampling run.

    share: length of a guidance step of strength 1, as a share of the masked picture's norm.
    views: what the guide is shown at each step.
    directional: the way from the image as it is to the text counts, instead of the text alone (eq. 6).
    braking: the power of the share of noise by which steps grow shorter. unguided: last steps of a scale without guide.
    unguided_scales: finest scales without guide; the coarsest always has one.
    recurrence: how often each step is taken (Lugmayr et al., arXiv 2201.09865, section 4.2); more harmonises.
    remembered: share of the last step's x̂_0 that stays (the preserving mix).
    invents: where the model of the image holds nothing like the text, the event is drawn (exemplars), or the surface
        takes on a colour that the guide chose; without it the guide's gradient is all.
    """

    share: float = 0.06
    views: Views = field(default_factory=lambda: Views(4))
    directional: bool = False
    braking: float = 0.0
    unguided: int = 1
    unguided_scales: int = 1
    recurrence: int = 1
    remembered: float = 0.0
    invents: bool = True


PRESETS = {
    "default": Steering(),
    "paper": Steering(
        share=0.3,
        views=Views(16, least=0.6, perspective=0.2, flips=True, jitter=0.1),
        unguided=3,
        remembered=0.2,
        invents=False,
    ),
}
"""``paper`` is Han et al. with what they took from SinDDM: 16 views, 3 last steps unguided, the preserving mix."""
