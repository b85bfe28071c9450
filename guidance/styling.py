"""Style by text: the whole picture takes on a look, its layout stays (Kulikov et al., arXiv 2211.16582, section 5)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError
from ..sinddm.modes import repaint
from ..sinddm.network.model import SinDDMModel
from ..sinddm.sampling import Watch
from .checks import checked_image, checked_model
from .guide import Guide
from .settings import check_prompt
from .steering import Wish, toward_text
from .views import Views

STYLE_STRENGTH = 0.3
VIEWS = Views(4)
UNGUIDED_STEPS = 4
"""The last steps are the model's own, so that no trace of the gradient is left."""


def style_by_text(
    model: SinDDMModel,
    image: Tensor,
    text: str,
    guide: Guide,
    *,
    strength: float = STYLE_STRENGTH,
    seed: int = 0,
    watch: Watch | None = None,
) -> Tensor:
    """``image`` (float [C, H, W] in 0…1) in the style that ``text`` names, of the same shape.

    As published: the finest scale alone is guided, everywhere, from its own first step on. Raises InputError.
    """
    source, text = checked_image(image, "The image"), f"{check_prompt(text)} Style"
    model = checked_model(model, source, "cpu")
    if model.scales == 1:
        # Its finest scale begins at pure noise, from which no layout comes back.
        raise InputError("The model has one scale only, so a style would take the layout too; train a larger image.")
    target = guide.embed_texts([text])[0]
    wish = Wish(guide, target, target)
    everywhere = torch.ones_like(source[0])
    generator = torch.Generator().manual_seed(seed)
    steer = toward_text(wish, strength, everywhere, generator, VIEWS, unguided=UNGUIDED_STEPS)
    return repaint(model, source, model.diffusion.start_steps[-1], seed, steer, watch)
