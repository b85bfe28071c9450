"""Steering a sampling run: what is done to each predicted clean image x̂_0 (paper, section III-B and eq. 6).

Every function here returns a :data:`~..sinddm.sampling.Steer`; steers compose and keep nothing between runs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..rasters.layout import as_rgb
from ..sinddm.pyramid import resize
from ..sinddm.sampling import Steer, Step
from .guide import Guide
from .views import random_views

Shown = Callable[[Tensor], Tensor]
"""x̂_0 [C, H, W] in −1…1 → the picture of the same shape that a guide is shown for it; differentiable."""


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
        size = (int(clean.shape[-2]), int(clean.shape[-1]))
        here, weight = resize(original, size), resize(mask[None], size).clamp(0.0, 1.0)
        return here + (clean - here) * weight

    return steer


def toward_text(
    guide: Guide,
    target: Tensor,
    strength: float,
    mask: Tensor,
    generator: torch.Generator,
    views: int = 4,
    shown: Shown | None = None,
) -> Steer:
    """Move x̂_0 along the gradient of cos(guide(x̂_0), target), inside ``mask`` (eq. 6).

    The step is ``strength`` × ‖x̂_0·m‖/‖g·m‖ × g·m, so it is the same share of the picture on every image. As in the
    paper the finest scale is not guided: it renders the change smoothly. Neither is the last step of a scale: what the
    guide wants must still pass through the model of the image.
    """

    move = guided(guide, target, strength, mask, generator, views, shown)

    def steer(clean: Tensor, step: Step) -> Tensor:
        if step.is_last or (step.is_finest and step.scales > 1) or strength == 0.0:
            return clean
        return move(clean)

    return steer


def guided(
    guide: Guide,
    target: Tensor,
    strength: float,
    mask: Tensor,
    generator: torch.Generator,
    views: int = 4,
    shown: Shown | None = None,
) -> Callable[[Tensor], Tensor]:
    """One step of eq. 6 for any x̂_0 [C, H, W] in −1…1, as :func:`toward_text` describes it."""

    def move(clean: Tensor) -> Tensor:
        size = (int(clean.shape[-2]), int(clean.shape[-1]))
        weight = resize(mask[None], size).clamp(0.0, 1.0)
        gradient = text_gradient(guide, target, clean, generator, views, shown) * weight
        scale = (as_rgb(clean) * weight).norm() / (gradient.norm() + 1e-12)
        moved: Tensor = clean + strength * scale * gradient
        return moved

    return move


def text_gradient(
    guide: Guide,
    target: Tensor,
    clean: Tensor,
    generator: torch.Generator,
    views: int,
    shown: Shown | None = None,
) -> Tensor:
    """∂ cos(guide(x̂_0), target) / ∂ x̂_0, mean over random views, [C, H, W]; bands that the guide does not see get 0.

    shown: what the guide is shown of x̂_0; without it x̂_0 itself.
    """
    with torch.enable_grad():
        leaf = clean.detach().requires_grad_(True)
        seen = leaf if shown is None else shown(leaf)
        pictures = random_views(as_rgb(seen)[None] * 0.5 + 0.5, views, generator)
        similarity = (guide.embed_images(pictures) * target).sum(-1).mean()
        (gradient,) = torch.autograd.grad(similarity, leaf)
    # A single pixel's gradient is noise to the eye; what the guide means is visible over a few.
    return F.avg_pool2d(gradient[None], 3, 1, 1)[0]
