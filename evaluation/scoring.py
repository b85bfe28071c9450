"""What is measured of an edit: by every scorer, and on the pixels alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..guidance.scores import score_edit
from .code import SCORING, code_digest
from .measures import changed_region, in_out_sharpness, seam_energy, sharpness_ratio
from .pictures import edited_pixels
from .records import Record
from .scenes import Scene
from .scorers import Scorer, event_change

_BY_GUIDE = ("clip_score", "clip_score_source", "clip_score_region", "directional")
_BY_PIXELS = (
    "psnr_outside",
    "ssim_outside",
    "exact_outside",
    "structure_distance_outside",
    "patch_swd",
    "changed_share",
)


def scored(record: Record, scorers: Sequence[Scorer], scene: Scene, place: Path) -> Record:
    """The record with the scores that it lacks, of its picture as it was written to ``place``.

    With a region all methods are judged on it, else each on what it visibly changed. Raises InputError.
    """
    source = scene.raster
    edited = edited_pixels(place / str(record.picture), source)
    changed = changed_region(edited, source.pixels, scene.region)
    # An event in a region seldom fills it: what it is called is asked where the picture differs.
    visible = changed_region(edited, source.pixels, None)
    code = code_digest(SCORING)
    measures, scores = dict(record.measures), dict(record.scores) if record.scoring == code else {}
    for scorer in scorers:
        if scorer.identity in scores:
            continue
        judged = score_edit(
            edited,
            record.prompt,
            guide=scorer.guide,
            source=source.pixels,
            mask=changed if bool(changed.any()) else None,
        ).summary()
        event = event_change(scorer.guide, record.prompt, edited, source.pixels, visible)
        scores[scorer.identity] = {
            "scorer": scorer.name,
            **{name: judged[name] for name in _BY_GUIDE},
            "event": None if event is None else event.summary(),
        }
        measures |= {name: judged[name] for name in _BY_PIXELS}
    measures |= _measured(edited, scene, changed, measures)
    return replace(record, scoring=code, measures=measures, scores=scores)


def _measured(edited: Tensor, scene: Scene, changed: Tensor, measures: Mapping[str, Any]) -> dict[str, Any]:
    pixels, region = scene.raster.pixels, scene.region
    found: dict[str, float | None] = {
        "exact_outside": None
        if region is None
        else float(torch.equal(*(each[:, region <= 0] for each in (edited, pixels)))),
        "visible_share": float(changed.mean()),
        "patch_swd_ratio": measures["patch_swd"] / max(scene.unguided, 1e-6),
        "sharpness": sharpness_ratio(edited, pixels, changed),
        "sharpness_in_out": in_out_sharpness(edited, changed),
        "seam": None if region is None else seam_energy(edited, pixels, region),
        "seam_source": None if region is None else seam_energy(pixels, pixels, region),
    }
    return {name: None if value is None else round(value, 4) for name, value in found.items()}
