"""How well an image fits a text (paper, section IV)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rasters.layout import as_rgb
from .guide import Guide


def clip_score(guide: Guide, image: Tensor, target: Tensor) -> float:
    """100 × cosine between the guide's embedding of ``image`` [C, H, W] in 0…1 and ``target`` [D], −100…100."""
    with torch.no_grad():
        return 100.0 * float((guide.embed_images(as_rgb(image)[None]) @ target).squeeze())
