"""One place through several states, for time series: before, during and after an event."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from .bands import BandUnits
from .editing import Report, edit_image
from .guide import Guide
from .masks import blur, grow
from .results import EditResult, Progress
from .settings import EditSettings

_ROOM = 6
"""Pixels around what the first text changed that belong to the place: what comes after may reach a little further."""


def edit_sequence(
    image: Tensor,
    texts: Sequence[str],
    *,
    roi: Tensor | None = None,
    settings: EditSettings | None = None,
    guide: Guide | None = None,
    valid: Tensor | None = None,
    units: BandUnits | None = None,
    progress: Report | None = None,
) -> tuple[EditResult, ...]:
    """What ``image`` looks like as each of ``texts`` has come true at one place, in their order.

    The first text finds the place, as ``edit_image`` does, and the others change ``image`` there and nowhere else; all
    with the same seed. Every result is an edit of ``image``: what a later text does not speak of is as it was before.
    image: float [C, H, W] in 0…1. texts: two or more, else InputError. The other arguments and errors are those of
    ``edit_image``; with ``roi`` that is the place.
    """
    if isinstance(texts, str) or len(texts) < 2:
        raise InputError("A sequence needs at least two texts, one a state; for one, edit the image.")
    results: list[EditResult] = []
    place = roi
    for i, text in enumerate(texts):
        report = None if progress is None else _part(progress, i, len(texts))
        result = edit_image(
            image, text, roi=place, settings=settings, guide=guide, valid=valid, units=units, progress=report
        )
        results.append(result)
        if place is None and result.changed_share > 0:
            place = _place(result.changed)
    return tuple(results)


def _place(changed: Tensor) -> Tensor:
    return (blur(grow(changed, _ROOM), 0.5 * _ROOM) > 0.3).to(torch.float32)


def _part(progress: Report, index: int, count: int) -> Report:
    def report(now: Progress) -> None:
        progress(Progress((index + now.share) / count, f"state {index + 1} of {count}, {now.message}", now.preview))

    return report
