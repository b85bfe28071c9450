"""One candidate of an edit: the image noised, denoised by its own model, and steered toward the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..sinddm.denoiser import Denoiser
from ..sinddm.hybrid import EDIT, HybridDenoiser
from ..sinddm.network.model import NetworkDenoiser
from ..sinddm.patches.bank import PatchSource
from ..sinddm.patches.model import PatchDenoiser, PatchSettings
from ..sinddm.pyramid import Size, resize, scale_sizes, size_of
from ..sinddm.sampling import Plan, Watch, sample
from ..sinddm.value_range import to_pixels, to_signed
from .appearance import Appearance, find_paint, new_surface
from .compositions import draw_together
from .events.regions import largest_part
from .exemplars import Canvas, DrawnExemplar
from .job import Job
from .masks import blur, changed_mask, energy_mask, grow
from .regions import window_around
from .steering import in_turn, keep_outside, on_bands, remember, text_gradient, toward_text
from .views import Views

EDIT_PLAN = Plan((0.9, 0.65, 0.55, 0.45))
"""Where the noised original begins at each scale: its layout stays."""
REPAINT = 0.2
"""Where a trained network, if there is one, begins to go over the finest scale."""
GUIDED_PATCHES = PatchSettings(anchor=1.0)
DRAWINGS = 2
"""Drawings of the event whose patches join the image's own."""
WELCOMES = (5.0, 9.0, 16.0)
"""Log prior of an event's patches at strength 1 (at strength 0 their prior is 0): the next where it does not appear."""
LEAST_EVENT = 0.15
"""An edit that shows less than this share of its drawing does not show the event."""
MOST_LOST = 0.03
"""Of a drawing of one thing, the largest share that may be missing in one piece: a road with a gap is none."""
LOOK = Views(16)
"""How the guide looks for the place of what it alone paints."""
GUIDED_SHARE = 0.25
"""Share of the picture that guidance of strength 1 may change where no drawing says where."""


@dataclass(frozen=True)
class Edited:
    """One candidate of the job's window: image [C, h, w] and changed [h, w] in 0…1, and what was put in.

    drawn: names of the events that were. look: what the guide painted instead.
    """

    image: Tensor
    changed: Tensor
    drawn: tuple[str, ...] = ()
    look: Appearance | None = None


def edit_once(job: Job, seed: int, watch: Watch | None) -> Edited:
    """One candidate. At strength 0 nothing moves the image, and its grain need not be dealt anew."""
    if job.strength == 0.0:
        return Edited(job.image, torch.zeros_like(job.image[0]))
    generator = torch.Generator().manual_seed(seed)
    names, drawn = _drawings(job, generator)
    if drawn and job.happens_to_an_object:
        return _edit_near(job, names, drawn, seed, generator, watch)
    return _edit_whole(job, names, drawn, seed, generator, watch)


def _edit_near(
    job: Job,
    names: tuple[str, ...],
    drawn: Sequence[DrawnExemplar],
    seed: int,
    generator: torch.Generator,
    watch: Watch | None,
) -> Edited:
    """The edit in a window around its drawings, as if the user had given the region: thin things survive there."""
    window = window_around(torch.stack([each.mask for each in drawn]).amax(0))
    near = replace(
        job,
        image=window.cut(job.image),
        valid=None if job.valid is None else window.cut(job.valid),
    )
    cut = [DrawnExemplar(window.cut(each.image), window.cut(each.mask)) for each in drawn]
    edited = _edit_whole(near, names, cut, seed, generator, watch)
    nothing = torch.zeros_like(job.image[0])
    return replace(edited, image=window.paste(job.image, edited.image), changed=window.paste(nothing, edited.changed))


def _edit_whole(
    job: Job,
    names: tuple[str, ...],
    drawn: Sequence[DrawnExemplar],
    seed: int,
    generator: torch.Generator,
    watch: Watch | None,
) -> Edited:
    look = _look(job, seed) if job.paints else None
    allowed = _allowed(job, drawn, look, generator)
    if job.valid is not None:
        allowed = allowed * job.valid
    wanted = float(drawn[0].mask.mean()) if drawn else float(allowed.mean())
    for welcome in WELCOMES if drawn or job.further else WELCOMES[:1]:
        sampled = _sample_edit(job, _sources(job, drawn, welcome), allowed, look, seed, generator, watch)
        edited, event = sampled[:-1], sampled[-1]
        whole = not drawn or not job.is_one_thing or _lost(drawn, event) < MOST_LOST
        if float(event.mean()) > LEAST_EVENT * wanted and whole:
            break
    # Where a drawing lent no patch the scene is as it was, only its grain may have been dealt anew: it stays.
    allowed = allowed * _around(event) if drawn and not job.further else allowed
    changed = changed_mask(job.image, edited, allowed)
    image = torch.where(changed > 0, job.image + (edited - job.image) * changed, job.image)
    return Edited(image, changed, names, look)


def _drawings(job: Job, generator: torch.Generator) -> tuple[tuple[str, ...], list[DrawnExemplar]]:
    if not job.events:
        return (), []
    rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    canvas = Canvas(job.image, job.guide, job.wish.fine, job.text, job.region, job.strength, job.valid, job.units)
    return draw_together(canvas, job.events, rng, DRAWINGS)


def _look(job: Job, seed: int) -> Appearance:
    rng = np.random.default_rng(seed)
    paint = job.paint or find_paint(job.image, new_surface(job.image, rng), job.guide, job.wish.fine, job.text)
    return paint.look(job.strength, rng)


def _allowed(job: Job, drawn: Sequence[DrawnExemplar], look: Appearance | None, generator: torch.Generator) -> Tensor:
    """Where the edit may act, [h, w] in 0…1: around what is drawn or painted, else in the region, else by the guide."""
    if look is not None:
        return look.amount
    if drawn:
        allowed = _around(torch.stack([each.mask for each in drawn]).amax(0).to(job.image.device))
        return allowed if job.region is None else allowed * job.region
    if job.region is not None:
        return job.region
    size = size_of(job.image)
    coarse = resize(to_signed(job.image), scale_sizes(size, GUIDED_PATCHES.coarsest_side)[0])
    gradient = text_gradient(job.wish, coarse, 0, generator, LOOK)
    return energy_mask(gradient, min(0.9, GUIDED_SHARE * job.strength), size)


def _sample_edit(
    job: Job,
    sources: Sequence[PatchSource],
    allowed: Tensor,
    look: Appearance | None,
    seed: int,
    generator: torch.Generator,
    watch: Watch | None,
) -> Tensor:
    """Noise the image, and denoise it with its own patches and ``sources``, steered: float [C + 1, h, w] in 0…1.

    The last band says how much of each pixel comes from an event's patches.
    """
    bands, *size = job.image.shape
    source = _with_event(job.image, torch.zeros_like(job.image[0]))
    patches = PatchDenoiser(source, sources, GUIDED_PATCHES, seed, compared=bands, prior=job.valid)
    model, plan = _denoiser(job, patches, (size[0], size[1]))
    how = job.steering
    guided = toward_text(
        job.wish,
        how.share * job.strength,
        allowed,
        generator,
        how.views,
        braking=how.braking,
        unguided=how.unguided,
        unguided_scales=how.unguided_scales,
        shown=look,
    )
    steers = [on_bands(bands, guided), keep_outside(source, allowed)]
    if how.remembered > 0.0:
        steers.append(remember(how.remembered, allowed))
    sampled = sample(
        model,
        (size[0], size[1]),
        generator,
        plan=plan,
        start=source,
        steer=in_turn(*steers),
        recurrence=how.recurrence,
        watch=watch,
        device=job.image.device,
    )
    if look is not None:
        sampled = torch.cat([look(sampled[:bands]), sampled[bands:]])
    return to_pixels(sampled)


def _denoiser(job: Job, patches: PatchDenoiser, size: Size) -> tuple[Denoiser, Plan]:
    """What paints, and where it begins: patches bring an event with them, a network paints what the guide asks for."""
    if job.model is None:
        return patches, EDIT_PLAN
    network = NetworkDenoiser(job.model)
    if job.model_name == "network":
        return network, EDIT_PLAN
    return HybridDenoiser(patches, network, EDIT), EDIT_PLAN.then(len(patches.sizes(size)), REPAINT)


def _with_event(image: Tensor, event: Tensor) -> Tensor:
    """An image [C, H, W] and how much of each pixel an event changed [H, W], 0…1 → [C + 1, H, W] in −1…1."""
    return to_signed(torch.cat([image, event[None]]))


def _sources(job: Job, drawn: Sequence[DrawnExemplar], welcome: float) -> list[PatchSource]:
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


def _lost(drawn: Sequence[DrawnExemplar], event: Tensor) -> float:
    """Share that the largest piece has, of what all drawings show, of which ``event`` [H, W] in 0…1 shows nothing."""
    core = torch.stack([each.mask for each in drawn]).amin(0).numpy() > 0.5
    missing = largest_part(core & (event.cpu().numpy() < 0.2))
    return float(missing.sum()) / max(float(core.sum()), 1.0)


def _around(mask: Tensor) -> Tensor:
    """A drawing's mask with soft room for its edge, [H, W] in 0…1."""
    return ((blur(grow(mask, 3), 1.5) - 0.05) / 0.5).clamp(0.0, 1.0)
