"""The edit: one image, one sentence, optionally a region (paper, section III). Node, command and Python call this."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from ..rasters.layout import as_rgb
from ..rasters.memory import enough_memory
from ..sinddm.network.model import SinDDMModel
from ..sinddm.pyramid import size_of
from ..sinddm.sampling import Step, Watch
from ..sinddm.value_range import to_pixels
from .bands import BandUnits
from .candidate import Edited, edit_once
from .checks import checked_exemplar, checked_image, checked_model, checked_region, checked_valid, filled
from .guide import Guide
from .job import Job, prepare
from .prompting.prompts import PromptEnsemble
from .results import Candidate, EditResult, Progress
from .scores import clip_score
from .settings import EditSettings, check_prompt

VISIBLE = 0.5
"""Degree of change from which a pixel counts as changed."""

Report = Callable[[Progress], None]


def edit_image(
    image: Tensor,
    text: str,
    *,
    roi: Tensor | None = None,
    settings: EditSettings | None = None,
    exemplar_images: Sequence[Tensor] = (),
    model: SinDDMModel | None = None,
    guide: Guide | None = None,
    prompts: PromptEnsemble | None = None,
    valid: Tensor | None = None,
    units: BandUnits | None = None,
    progress: Report | None = None,
) -> EditResult:
    """Change ``image`` as ``text`` says and keep what it does not speak of.

    image: float [C, H, W] in 0…1, any number of bands, red, green and blue first; sides of 32 to 2,048 pixels.
    roi: float [H, W] in 0…1, 1 = may change; outside it the result equals ``image`` bit for bit.
    exemplar_images: float [C, H, W] each, at about the same ground resolution: what the event looks like elsewhere.
    model: the trained model of this image. It goes over what the patches lay out, or, where no event is drawn and no
        exemplar given, it takes their place.
    guide, prompts: instead of those that ``settings`` names; ``text`` is what the result is scored by all the same.
    valid: bool [H, W], False where the image has no data or clouds: nothing is learnt from there, nothing painted.
    units: which bands the image has, so that those beyond the visible take the reflectance of what happens.
    progress: told how far the edit is; what it raises ends the edit.
    Raises InputError for an image, region, text, guide or model that cannot be used, MissingPackageError where a guide
    needs a package that is not there, ServiceError for a language model that was required and gave no answer, and
    OutOfMemoryError.
    """
    settings = settings or EditSettings()
    text = check_prompt(text)
    # Hosts may run in inference mode, where no gradient can be taken, even of a copy made there.
    with torch.inference_mode(False), torch.no_grad(), _enough_memory(image):
        begun = time.perf_counter()
        source = checked_image(image, "The image")
        usable = None if valid is None else checked_valid(valid, source)
        region = None if roi is None else checked_region(roi, source)
        further = [checked_exemplar(each, source) for each in exemplar_images]
        trained = None if model is None else checked_model(model, source, settings.device)
        seen = source if usable is None else filled(source, usable)
        if region is not None and usable is not None:
            region = checked_region(region * usable, source)
        job = prepare(seen, text, region, settings, further, trained, guide, prompts, usable, units)
        scored: list[Candidate] = []
        made: list[Edited] = []
        for i in range(settings.candidates):
            watch = _watch(progress, i, settings.candidates, job)
            edited = edit_once(job, settings.seed + i, watch)
            image_now, changed = job.paste(seen, edited.image, edited.changed)
            if usable is not None:
                image_now = torch.where(usable > 0, image_now, source)
            score = clip_score(job.guide, image_now, job.target)
            scored.append(Candidate(image_now, changed, score, settings.seed + i))
            made.append(edited)
        favourite = max(range(len(scored)), key=lambda i: scored[i].score)
        best, kept = scored[favourite], made[favourite]
        if progress is not None:
            progress(Progress(1.0, "done", as_rgb(best.image)))
        share = float((best.changed > VISIBLE).float().mean())
        return EditResult(
            image=best.image,
            changed=best.changed,
            score_before=clip_score(job.guide, seen, job.target),
            score_after=best.score,
            changed_share=share,
            seconds=time.perf_counter() - begun,
            seed=best.seed,
            guide=job.guide.name,
            model=job.model_name,
            exemplars=kept.drawn,
            painted=None if kept.look is None else kept.look.hex(),
            ensemble=job.ensemble,
            warnings=(*job.warnings, *(_shortcomings(job, kept.drawn, share) if job.strength > 0 else ())),
            candidates=tuple(scored),
        )


def _shortcomings(job: Job, drawn: Sequence[str], changed_share: float) -> Iterator[str]:
    """Sentences on what was asked for and does not show; drawn: names of the events that were."""
    homeless = [f"'{event.name}'" for event in job.events if event.name not in drawn]
    if homeless:
        yield f"The image has no place for {' or '.join(homeless)}; give a region or another picture."
    if changed_share == 0:
        yield "Nothing changed visibly; raise the strength, give a region or word the prompt differently."


def _enough_memory(image: Tensor) -> AbstractContextManager[None]:
    size = size_of(image) if image.dim() == 3 else (0, 0)
    return enough_memory("edit a picture", size, "give a region of that size")


def _watch(progress: Report | None, index: int, count: int, job: Job) -> Watch | None:
    if progress is None:
        return None
    reached = 0.0

    def watch(clean: Tensor, step: Step) -> None:
        nonlocal reached
        # A scale has about four times the pixels of the one before.
        begun = sum(4.0**scale for scale in range(step.scale))
        total = sum(4.0**scale for scale in range(step.scales))
        # A candidate that is sampled again does not take its progress back.
        reached = max(reached, (begun + 4.0**step.scale * (step.index + 1) / step.steps) / total)
        preview = as_rgb(to_pixels(clean[: len(job.image)])).cpu()
        message = f"scale {step.scale + 1} of {step.scales}"
        if count > 1:
            message = f"candidate {index + 1} of {count}, {message}"
        progress(Progress(0.99 * (index + reached) / count, message, preview))

    return watch
