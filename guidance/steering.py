"""Steering a sampling run: what is done to each predicted clean image x̂_0 (paper, section III-B and eq. 6).

Every function here returns a :data:`~..sinddm.sampling.Steer`; steers compose, and what one remembers, it remembers of
one run. The gradient is that of the guide with respect to x̂_0, never through the model of the image: it is as cheap as
the guide, and the model's next prediction brings x̂_0 back to what the image looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..rasters.layout import as_rgb
from ..sinddm.pyramid import resize, size_of
from ..sinddm.sampling import Steer, Step
from ..sinddm.value_range import to_unit
from .guide import Guide
from .views import Views, random_views

Shown = Callable[[Tensor], Tensor]
"""x̂_0 [C, H, W] in −1…1 → the picture of the same shape that a guide is shown for it; differentiable."""


@dataclass(frozen=True)
class Origin:
    """What a directional wish starts from: embeddings [D] of the image as it is, and of a text that describes it."""

    image: Tensor
    text: Tensor


@dataclass(frozen=True)
class Wish:
    """What a guide is asked to see: unit vectors [D] for the coarsest scale and for the others.

    origin: with it the way from the origin counts (Gal et al., arXiv 2108.00946, eq. 4), without it the place (eq. 6).
    """

    guide: Guide
    coarse: Tensor
    fine: Tensor
    origin: Origin | None = None

    def fulfilled(self, embeddings: Tensor, scale: int) -> Tensor:
        """How far images of ``scale`` (embeddings [B, D]) are what is wished, −1…1: [B]."""
        target = self.coarse if scale == 0 else self.fine
        if self.origin is None:
            return embeddings @ target
        way = F.normalize(embeddings - self.origin.image, dim=-1)
        return way @ F.normalize(target - self.origin.text, dim=-1)


def in_turn(*steers: Steer) -> Steer:
    """Apply the steers one after the other."""

    def steer(clean: Tensor, step: Step) -> Tensor:
        for each in steers:
            clean = each(clean, step)
        return clean

    return steer


def on_bands(count: int, steer: Steer) -> Steer:
    """Let ``steer`` see and change the first ``count`` bands only."""

    def steer_some(clean: Tensor, step: Step) -> Tensor:
        return torch.cat([steer(clean[:count], step), clean[count:]])

    return steer_some


def keep_outside(original: Tensor, mask: Tensor) -> Steer:
    """Outside ``mask`` [H, W] in 0…1 the picture follows ``original`` [C, H, W] (−1…1) at every step.

    Replacing x̂_0 and then taking the DDIM step gives the original noised to the same level, as in the paper.
    """

    def steer(clean: Tensor, _step: Step) -> Tensor:
        size = size_of(clean)
        here, weight = resize(original, size), resize(mask[None], size).clamp(0.0, 1.0)
        return here + (clean - here) * weight

    return steer


def remember(share: float, mask: Tensor) -> Steer:
    """Inside ``mask`` [H, W] the last step's x̂_0 stays with ``share``: x̂_0 ← share · previous + (1 − share) · x̂_0.

    The preserving mix of SinDDM (arXiv 2211.16582, section 4.2): what guidance has brought is not forgotten at once.
    """
    previous: Tensor | None = None

    def steer(clean: Tensor, _step: Step) -> Tensor:
        nonlocal previous
        size = size_of(clean)
        if previous is not None:
            weight = share * resize(mask[None], size).clamp(0.0, 1.0)
            clean = clean + (resize(previous, size) - clean) * weight
        previous = clean
        return clean

    return steer


def toward_text(
    wish: Wish,
    strength: float,
    mask: Tensor,
    generator: torch.Generator,
    views: Views,
    *,
    braking: float = 0.0,
    unguided: int = 1,
    unguided_scales: int = 1,
    shown: Shown | None = None,
) -> Steer:
    """Move x̂_0 along the gradient of the wish inside ``mask`` [H, W] in 0…1 (eq. 6).

    The step is ``strength`` × ‖x̂_0·m‖/‖g·m‖ × g·m, so it is the same share of the picture on every image. As in the
    paper the finest scale (``unguided_scales``) is not guided: it renders the change smoothly. Neither are the last
    ``unguided`` steps of a scale: what the guide wants must still pass through the model of the image. braking: the
    power of the share of noise by which a step grows shorter as the noise goes.
    """

    def steer(clean: Tensor, step: Step) -> Tensor:
        ending = step.index >= step.steps - unguided
        rendering = step.scale >= max(1, step.scales - unguided_scales)
        if ending or rendering or strength == 0.0:
            return clean
        length = strength * (step.level.sigma / (step.level.alpha + step.level.sigma)) ** braking
        size = size_of(clean)
        weight = resize(mask[None], size).clamp(0.0, 1.0)
        gradient = text_gradient(wish, clean, step.scale, generator, views, shown) * weight
        move: Tensor = length * ((as_rgb(clean) * weight).norm() / (gradient.norm() + 1e-12)) * gradient
        return clean + move

    return steer


def text_gradient(
    wish: Wish, clean: Tensor, scale: int, generator: torch.Generator, views: Views, shown: Shown | None = None
) -> Tensor:
    """∂ wish / ∂ x̂_0 [C, H, W], the embedding being the spherical mean over random views, in one batch.

    shown: what the guide is shown of x̂_0; without it x̂_0 itself. Bands that the guide does not see get 0.
    """
    with torch.enable_grad():
        leaf = clean.detach().requires_grad_(True)
        seen = leaf if shown is None else shown(leaf)
        pictures = random_views(to_unit(as_rgb(seen)[None]), views, wish.guide.view_side, generator)
        embedding = F.normalize(wish.guide.embed_images(pictures).mean(0, keepdim=True), dim=-1)
        (gradient,) = torch.autograd.grad(wish.fulfilled(embedding, scale)[0], leaf)
    # A single pixel's gradient is noise to the eye; what the guide means is visible over a few.
    return F.avg_pool2d(gradient[None], 3, 1, 1)[0]
