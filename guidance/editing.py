"""The edit: one image, one sentence, optionally a region (paper, section III). Node, command and Python call this."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ..rasters.layout import as_rgb
from ..sinddm.bank import PatchSource
from ..sinddm.denoiser import Denoiser
from ..sinddm.fingerprint import fingerprint
from ..sinddm.hybrid import EDIT, HybridDenoiser
from ..sinddm.model import NetworkDenoiser, SinDDMModel
from ..sinddm.patches import PatchDenoiser, PatchSettings
from ..sinddm.pyramid import Size, resize, scale_sizes
from ..sinddm.sampling import Plan, Step, Watch, sample
from .checks import checked_device, checked_exemplar, checked_image, checked_model, checked_region
from .compact import VOCABULARY_THRESHOLD, CompactGuide, load_compact_guide
from .events.base import Event
from .exemplars import DrawnExemplar, draw_exemplars, find_event
from .guide import Guide
from .masks import blur, changed_mask, energy_mask, grow
from .regions import Window, whole, window_around
from .results import Candidate, EditResult, Progress
from .scores import clip_score
from .settings import EditSettings, check_prompt
from .steering import in_turn, keep_outside, on_bands, text_gradient, toward_text

EDIT_PLAN = Plan((0.9, 0.65, 0.55, 0.45))
"""Where the noised original begins at each scale: its layout stays."""
REPAINT = 0.2
"""Where a trained network, if there is one, begins to go over the finest scale."""
GUIDED_PATCHES = PatchSettings(anchor=60.0)
DRAWINGS = 2
"""Drawings of the event whose patches join the image's own."""
GRADIENT_SHARE = 0.06
"""Length of a guidance step of strength 1, as a share of the masked picture's norm."""
WELCOMES = (5.0, 9.0, 16.0)
"""Log prior of an event's patches at strength 1 (at strength 0 their prior is 0): the next where it does not appear."""
LEAST_EVENT = 0.15
"""An edit that shows less than this share of its drawing does not show the event."""
GUIDED_SHARE = 0.25
"""Share of the picture that guidance of strength 1 may change where no drawing says where."""
VISIBLE = 0.5

Report = Callable[[Progress], None]


def edit_image(
    image: Tensor,
    text: str,
    *,
    roi: Tensor | None = None,
    settings: EditSettings | None = None,
    exemplar_images: Sequence[Tensor] = (),
    model: SinDDMModel | None = None,
    progress: Report | None = None,
) -> EditResult:
    """Change ``image`` as ``text`` says and keep what it does not speak of.

    image: float [C, H, W] in 0…1, any number of bands, red, green and blue first; sides of 32 to 2,048 pixels.
    roi: float [H, W] in 0…1, 1 = may change; outside it the result equals ``image`` bit for bit.
    exemplar_images: float [C, H, W] each, at about the same ground resolution: what the event looks like elsewhere.
    model: the trained model of this image. It goes over what the patches lay out, or, where no event is drawn and no
        exemplar given, it takes their place.
    progress: told how far the edit is; what it raises ends the edit.
    Raises InputError for an image, region, text or model that cannot be used.
    """
    settings = settings or EditSettings()
    text = check_prompt(text)
    # Hosts may run in inference mode, where no gradient can be taken, even of a copy made there.
    with torch.inference_mode(False), torch.no_grad():
        begun = time.perf_counter()
        source = checked_image(image, "The image")
        region = None if roi is None else checked_region(roi, source)
        further = [checked_exemplar(each, source) for each in exemplar_images]
        trained = None if model is None else checked_model(model, source, settings.device)
        job = _prepare(source, text, region, settings, further, trained)
        scored: list[Candidate] = []
        for i in range(settings.candidates):
            watch = _watch(progress, i, settings.candidates, job)
            edited, changed = job.paste(source, *_edit_once(job, settings.seed + i, watch))
            scored.append(Candidate(edited, changed, clip_score(job.guide, edited, job.target), settings.seed + i))
        best = max(scored, key=lambda candidate: candidate.score)
        if progress is not None:
            progress(Progress(1.0, "done", as_rgb(best.image)))
        share = float((best.changed > VISIBLE).float().mean())
        warnings = job.warnings if share > 0 or settings.strength == 0 else (*job.warnings, _NOTHING_CHANGED)
        return EditResult(
            image=best.image,
            changed=best.changed,
            score_before=clip_score(job.guide, source, job.target),
            score_after=best.score,
            changed_share=share,
            seconds=time.perf_counter() - begun,
            seed=best.seed,
            guide=job.guide.name,
            model=job.model_name,
            exemplars=(job.event.name,) if job.event is not None else (),
            warnings=warnings,
            candidates=tuple(scored),
        )


_NOTHING_CHANGED = "Nothing changed visibly; raise the strength, give a region or word the prompt differently."


@dataclass(frozen=True)
class _Job:
    """One edit, all its inputs ready: ``image`` and ``region`` are cut to ``window`` and lie on ``device``."""

    image: Tensor
    region: Tensor | None
    window: Window
    event: Event | None
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


def _prepare(
    source: Tensor,
    text: str,
    region: Tensor | None,
    settings: EditSettings,
    further: Sequence[Tensor],
    model: SinDDMModel | None,
) -> _Job:
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
    return _Job(
        image=window.cut(source).to(device),
        region=None if region is None else window.cut(region).to(device),
        window=window,
        event=event,
        guide=guide,
        target=target,
        strength=settings.strength,
        further=tuple(each.to(device) for each in further),
        warnings=tuple(warnings),
        model=model,
    )


def _edit_once(job: _Job, seed: int, watch: Watch | None) -> tuple[Tensor, Tensor]:
    """One candidate: (edited [C, h, w] in 0…1, changed [h, w] in 0…1) of the job's window.

    At strength 0 nothing moves the image, and its grain need not be dealt anew.
    """
    if job.strength == 0.0:
        return job.image, torch.zeros_like(job.image[0])
    generator = torch.Generator().manual_seed(seed)
    drawn = _drawings(job, generator)
    allowed = _allowed(job, drawn, generator)
    wanted = float(drawn[0].mask.mean()) if drawn else float(allowed.mean())
    for welcome in WELCOMES if drawn or job.further else WELCOMES[:1]:
        sampled = _sample_edit(job, _sources(job, drawn, welcome), allowed, seed, generator, watch)
        edited, event = sampled[:-1], sampled[-1]
        if float(event.mean()) > LEAST_EVENT * wanted:
            break
    # Where a drawing lent no patch the scene is as it was, only its grain may have been dealt anew: it stays.
    allowed = allowed * _around(event) if drawn and not job.further else allowed
    changed = changed_mask(job.image, edited, allowed)
    return torch.where(changed > 0, job.image + (edited - job.image) * changed, job.image), changed


def _drawings(job: _Job, generator: torch.Generator) -> list[DrawnExemplar]:
    if job.event is None:
        return []
    rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    return draw_exemplars(job.image, job.event, job.region, job.strength, job.guide, job.target, rng, DRAWINGS)


def _allowed(job: _Job, drawn: Sequence[DrawnExemplar], generator: torch.Generator) -> Tensor:
    """Where the edit may act, [h, w] in 0…1: around the drawings, else in the region, else where the guide looks."""
    if drawn:
        allowed = _around(torch.stack([each.mask for each in drawn]).amax(0).to(job.image.device))
        return allowed if job.region is None else allowed * job.region
    if job.region is not None:
        return job.region
    size = (int(job.image.shape[-2]), int(job.image.shape[-1]))
    coarse = resize(job.image * 2.0 - 1.0, scale_sizes(size, GUIDED_PATCHES.coarsest_side)[0])
    gradient = text_gradient(job.guide, job.target, coarse, generator, 16)
    return energy_mask(gradient, min(0.9, GUIDED_SHARE * job.strength), size)


def _sample_edit(
    job: _Job,
    sources: Sequence[PatchSource],
    allowed: Tensor,
    seed: int,
    generator: torch.Generator,
    watch: Watch | None,
) -> Tensor:
    """Noise the image, and denoise it with its own patches and ``sources``, steered: float [C + 1, h, w] in 0…1.

    The last band says how much of each pixel comes from an event's patches.
    """
    bands, *size = job.image.shape
    source = _with_event(job.image, torch.zeros_like(job.image[0]))
    patches = PatchDenoiser(source, sources, GUIDED_PATCHES, seed, compared=bands)
    model, plan = _denoiser(job, patches, (size[0], size[1]))
    steer = in_turn(
        on_bands(bands, toward_text(job.guide, job.target, GRADIENT_SHARE * job.strength, allowed, generator)),
        keep_outside(source, allowed),
    )
    sampled = sample(
        model,
        (size[0], size[1]),
        generator,
        plan=plan,
        start=source,
        steer=steer,
        watch=watch,
        device=job.image.device,
    )
    return (sampled * 0.5 + 0.5).clamp(0.0, 1.0)


def _denoiser(job: _Job, patches: PatchDenoiser, size: Size) -> tuple[Denoiser, Plan]:
    """What paints, and where it begins: patches bring an event with them, a network paints what the guide asks for."""
    if job.model is None:
        return patches, EDIT_PLAN
    network = NetworkDenoiser(job.model)
    if job.model_name == "network":
        return network, EDIT_PLAN
    return HybridDenoiser(patches, network, EDIT), EDIT_PLAN.then(len(patches.sizes(size)), REPAINT)


def _with_event(image: Tensor, event: Tensor) -> Tensor:
    """An image [C, H, W] and how much of each pixel an event changed [H, W], 0…1 → [C + 1, H, W] in −1…1."""
    return torch.cat([image, event[None]]) * 2.0 - 1.0


def _sources(job: _Job, drawn: Sequence[DrawnExemplar], welcome: float) -> list[PatchSource]:
    """Patches beside the image's own; ``welcome`` is their log prior at strength 1; at 0 they have none."""
    welcome = float(np.expm1(welcome * job.strength))
    device = job.image.device
    sources = [
        PatchSource(_with_event(each.image, each.mask).to(device), welcome * grow(each.mask, 4).to(device))
        for each in drawn
    ]
    for each in job.further:
        everywhere = torch.ones_like(each[0])
        sources.append(PatchSource(_with_event(each, everywhere), welcome * everywhere, in_place=False))
    return sources


def _around(mask: Tensor) -> Tensor:
    """A drawing's mask with soft room for its edge, [H, W] in 0…1."""
    return ((blur(grow(mask, 3), 1.5) - 0.05) / 0.5).clamp(0.0, 1.0)


def _watch(progress: Report | None, index: int, count: int, job: _Job) -> Watch | None:
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
        preview = as_rgb(clean[: len(job.image)] * 0.5 + 0.5).clamp(0.0, 1.0).cpu()
        message = f"scale {step.scale + 1} of {step.scales}"
        if count > 1:
            message = f"candidate {index + 1} of {count}, {message}"
        progress(Progress(0.99 * (index + reached) / count, message, preview))

    return watch
