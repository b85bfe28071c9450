"""How well an image fits a text (paper, section IV), and what an edit changed and kept beside its source."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..rasters.layout import as_rgb
from ..sinddm.patch_swd import patch_swd
from .checks import checked_image, checked_region
from .guide import Guide
from .job import PLAIN_TEXT
from .prompting.prompts import PromptEnsemble, consistent, embed_ensemble
from .regions import window_around
from .settings import EditSettings, check_prompt
from .steering import Origin, Wish
from .structure import psnr_outside, ssim_outside, structure_distance_outside

_LINES = {
    "clip_score": ("CLIP score", ".2f"),
    "clip_score_region": ("CLIP score around the region", ".2f"),
    "clip_score_source": ("CLIP score of the source", ".2f"),
    "directional": ("Directional similarity", ".3f"),
    "psnr_outside": ("PSNR outside, dB", ".2f"),
    "ssim_outside": ("SSIM outside", ".4f"),
    "structure_distance_outside": ("Structure distance outside", ".4f"),
    "patch_swd": ("Patch-SWD", ".5f"),
    "changed_share": ("Changed share", ".4f"),
}
"""The scores in the order of a report: how people read each, and to how many digits."""
_NO_MASK = "Without a mask the region is where the images differ, so what lies outside is equal by definition."


@dataclass(frozen=True)
class EditScores:
    """What ``score_edit`` measures; None where that needs a source or a region, or nothing lies outside the region.

    request: the text. guide: name of the scoring guide.
    clip_score, clip_score_source: 100 × cosine to the text, −100…100, of image and source. clip_score_region: the same
    of the image's crop around the region, with what surrounds it.
    directional: −1…1 (Gal et al., arXiv 2108.00946, eq. 4). psnr_outside: dB, infinite when equal. ssim_outside: −1…1.
    structure_distance_outside: 0 the same, about 1 unrelated. patch_swd: of image and source, 0 and up.
    changed_share: share of the pixels that differ from the source in any band, 0…1. warnings: sentences for the user.
    """

    request: str
    guide: str
    clip_score: float
    clip_score_region: float | None = None
    clip_score_source: float | None = None
    directional: float | None = None
    psnr_outside: float | None = None
    ssim_outside: float | None = None
    structure_distance_outside: float | None = None
    patch_swd: float | None = None
    changed_share: float | None = None
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def exact_outside(self) -> bool | None:
        """Whether image and source are equal outside the region; None where there is no such comparison."""
        return None if self.psnr_outside is None else math.isinf(self.psnr_outside)

    def summary(self) -> dict[str, Any]:
        """The scores, ready for JSON, which knows no infinity: an exact outside has no PSNR there."""
        return {
            "text": self.request,
            "guide": self.guide,
            "clip_score": round(self.clip_score, 3),
            "clip_score_region": _rounded(self.clip_score_region, 3),
            "clip_score_source": _rounded(self.clip_score_source, 3),
            "directional": _rounded(self.directional, 4),
            "psnr_outside": None if self.exact_outside else _rounded(self.psnr_outside, 2),
            "ssim_outside": _rounded(self.ssim_outside, 5),
            "exact_outside": self.exact_outside,
            "structure_distance_outside": _rounded(self.structure_distance_outside, 4),
            "patch_swd": _rounded(self.patch_swd, 5),
            "changed_share": _rounded(self.changed_share, 4),
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 2),
        }

    def text(self) -> str:
        """A line for each score that there is, and then for each warning."""
        lines = [f"'{self.request}', scored by {self.guide}"]
        for name, (label, form) in _LINES.items():
            value = getattr(self, name)
            if value is not None:
                lines.append(f"{label}: {value:{form}}" if math.isfinite(value) else f"{label}: exact")
        return "\n".join([*lines, *self.warnings])


def clip_score(guide: Guide, image: Tensor, target: Tensor) -> float:
    """100 × cosine between the guide's embedding of ``image`` [C, H, W] in 0…1 and ``target`` [D], −100…100.

    torchmetrics' CLIPScore is the same number, but for models of transformers' hub only, and cut off at 0.
    """
    with torch.no_grad():
        return 100.0 * float((guide.embed_images(as_rgb(image)[None]) @ target).squeeze())


def score_edit(
    image: Tensor,
    text: str,
    *,
    guide: Guide,
    source: Tensor | None = None,
    mask: Tensor | None = None,
    prompts: PromptEnsemble | None = None,
    source_text: str = PLAIN_TEXT,
    guided_by: str | None = None,
) -> EditScores:
    """Score ``image`` by ``text`` and, with its ``source``, what the edit kept.

    image, source: float [C, H, W] in 0…1 of one shape; the guide sees three bands, all else counts every band.
    mask: float [H, W] in 0…1, the edited region: above 0 = changed. Without it, where image and source differ.
    prompts: instead of the text as it is written, those of them that mean the same. source_text: what the source shows.
    guided_by: name or file of the guide that guided the edit; None where that is not known.

    The region is scored by the crop in which an edit of it is made (``window_around``), and what lies beside the region
    stays in view: a picture with all else blacked out is nothing a CLIP has seen, so its score would tell of the black.
    Raises InputError for an image, source, mask or text that cannot be used.
    """
    # A host's inference mode must not reach what a guide keeps for its next, differentiable call.
    with torch.inference_mode(False), torch.no_grad():
        begun = time.perf_counter()
        request = check_prompt(text)
        edited = checked_image(image, "The image")
        before = None if source is None else _checked_source(source, edited)
        region = _region(mask, edited, before)
        if prompts is None:
            target = guide.embed_texts([request])[0]
        else:
            target = embed_ensemble(consistent(prompts, guide), guide)
        scores = EditScores(
            request=request,
            guide=guide.name,
            clip_score=clip_score(guide, edited, target),
            clip_score_region=None if region is None else clip_score(guide, window_around(region).cut(edited), target),
            warnings=(*(prompts.warnings if prompts else ()), *_warnings(guide, request, guided_by)),
        )
        if before is not None:
            outside_of = torch.zeros(edited.shape[-2:]) if region is None else region
            scores = replace(
                scores,
                clip_score_source=clip_score(guide, before, target),
                directional=_directional(guide, edited, before, target, check_prompt(source_text)),
                psnr_outside=psnr_outside(edited, before, outside_of),
                ssim_outside=ssim_outside(edited, before, outside_of),
                structure_distance_outside=structure_distance_outside(edited, before, outside_of),
                patch_swd=patch_swd(edited, before, torch.Generator().manual_seed(0)),
                changed_share=float((edited != before).any(0).float().mean()),
            )
            if mask is None and scores.exact_outside:
                scores = replace(scores, warnings=(*scores.warnings, _NO_MASK))
        return replace(scores, seconds=time.perf_counter() - begun)


def mean_scores(each: Sequence[EditScores]) -> EditScores:
    """The mean of every score over those of the images that have it; the PSNR over those that are not exact.

    Texts are those of the first, warnings those of all, seconds the sum.
    """
    means: dict[str, Any] = {name: _mean([getattr(scores, name) for scores in each]) for name in _LINES}
    warnings = tuple(dict.fromkeys(warning for scores in each for warning in scores.warnings))
    return replace(each[0], **means, warnings=warnings, seconds=sum(scores.seconds for scores in each))


def guide_warning(scoring: str, guided_by: str | None) -> str | None:
    """What to say when the guide named ``scoring`` judges its own work, or (``guided_by`` None) probably does.

    guided_by: as ``guides.load_guide`` takes it: a guide's name, a file or a folder.
    """
    if guided_by is None and scoring == EditSettings.guide:
        return (
            f"The scoring guide {scoring} is the one that edits are guided by unless told otherwise; a score by another"
            " guide says more."
        )
    if guided_by is not None and scoring in (guided_by, Path(guided_by).name, Path(guided_by).stem):
        return (
            f"The scoring guide {scoring} also guided the edit, so it is partial; a score by another guide says more."
        )
    return None


def _checked_source(source: Tensor, image: Tensor) -> Tensor:
    checked = checked_image(source, "The source")
    if checked.shape != image.shape:
        sizes = [f"{len(each)} bands of {each.shape[2]}×{each.shape[1]} px" for each in (image, checked)]
        raise InputError(f"The image has {sizes[0]} and its source {sizes[1]}; give the source that was edited.")
    return checked


def _region(mask: Tensor | None, image: Tensor, source: Tensor | None) -> Tensor | None:
    """The edited region [H, W], not empty, or None."""
    if mask is None:
        differs = None if source is None else (image != source).any(0).float()
        return None if differs is None or not bool(differs.any()) else differs
    # An edit may have changed every pixel; only as the wish where to edit is such a mask a mistake.
    if mask.shape == image.shape[-2:] and bool((mask >= 1).all()):
        return torch.ones(image.shape[-2:])
    return checked_region(mask, image)


def _directional(guide: Guide, image: Tensor, source: Tensor, target: Tensor, source_text: str) -> float | None:
    """Cosine of the ways from source to image and from ``source_text`` to ``target``; None for equal images."""
    if torch.equal(image, source):
        return None
    after, before = (guide.embed_images(as_rgb(each)[None]) for each in (image, source))
    wish = Wish(guide, target, target, Origin(before[0], guide.embed_texts([source_text])[0]))
    return float(wish.fulfilled(after, 0))


def _warnings(guide: Guide, request: str, guided_by: str | None) -> tuple[str, ...]:
    partial = guide_warning(guide.name, guided_by)
    long = "The text is longer than what the guide reads, so its end does not count."
    return (*([partial] if partial else []), *([long] if guide.truncated(request) else []))


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    finite = [value for value in there if math.isfinite(value)]
    counted = finite or there
    return sum(counted) / len(counted) if counted else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
