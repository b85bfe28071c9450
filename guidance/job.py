"""An edit made ready: its inputs checked and cut to a window, its text embedded, its event found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..sinddm.fingerprint import fingerprint
from ..sinddm.model import SinDDMModel
from .checks import checked_device
from .compact import VOCABULARY_THRESHOLD, CompactGuide, load_compact_guide
from .events.base import Event
from .exemplars import find_event
from .guide import Guide
from .regions import Window, whole, window_around
from .settings import EditSettings


@dataclass(frozen=True)
class Job:
    """One edit, all its inputs ready: ``image`` and ``region`` are cut to ``window`` and lie on ``device``."""

    image: Tensor
    region: Tensor | None
    window: Window
    text: str
    event: Event | None
    paints: bool
    guide: Guide
    target: Tensor
    strength: float
    further: tuple[Tensor, ...]
    warnings: tuple[str, ...]
    model: SinDDMModel | None

    @property
    def model_name(self) -> str:
        if self.model is None:
            return "patch"
        return "hybrid" if self.event is not None or self.further else "network"

    def paste(self, source: Tensor, edited: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
        """The edited window and its changed map in the whole picture, on the CPU."""
        nothing = torch.zeros(source.shape[-2:])
        return self.window.paste(source, edited.cpu()), self.window.paste(nothing, changed.cpu())


@cache
def _guide(device: str) -> CompactGuide:
    return load_compact_guide(device)


def prepare(
    source: Tensor,
    text: str,
    region: Tensor | None,
    settings: EditSettings,
    further: Sequence[Tensor],
    model: SinDDMModel | None,
) -> Job:
    device = checked_device(settings.device)
    guide = _guide(device)
    target = guide.embed_texts([text])[0]
    warnings = []
    foreign = guide.vocabulary_similarity(text) < VOCABULARY_THRESHOLD
    if foreign:
        warnings.append(f"The guide hardly knows the words of '{text}'; expect little, or name the event more plainly.")
    draws = settings.exemplars == "auto" and settings.strength > 0 and not foreign
    event = find_event(guide, target)[0] if draws else None
    if model is not None and model.origin.source_hash != fingerprint(source * 2.0 - 1.0):
        warnings.append("The model was trained on another image, so the edit takes on that image's texture.")
    if draws and event is None and not further:
        warnings.append("No event that can be drawn was found in the prompt; the guide alone paints it.")
    if model is not None and event is not None and event.name not in model.origin.events:
        # A network paints over what it has never seen.
        warnings.append(
            f"The model was not trained on '{event.name}', so patches alone paint it; train with --event to use it."
        )
        model = None
    window = whole((int(source.shape[-2]), int(source.shape[-1]))) if region is None else window_around(region)
    return Job(
        image=window.cut(source).to(device),
        region=None if region is None else window.cut(region).to(device),
        window=window,
        text=text,
        event=event,
        paints=settings.strength > 0 and not foreign,
        guide=guide,
        target=target,
        strength=settings.strength,
        further=tuple(each.to(device) for each in further),
        warnings=tuple(warnings),
        model=model,
    )
