"""A picture that shows an edit at a glance."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..rasters.layout import as_rgb, channels_first

CAPTION = 18
GAP = 4
_HEAT = torch.tensor([[0.0, 0.0, 0.0], [0.45, 0.05, 0.35], [0.95, 0.35, 0.15], [1.0, 0.85, 0.3], [1.0, 1.0, 1.0]])


def side_by_side(source: Tensor, edited: Tensor) -> Tensor:
    """Source, edit and their difference, with captions: [C, H, W] in 0…1 each → [3, H + caption, 3·W + gaps]."""
    difference = (edited - source).abs().amax(0)
    panels = (as_rgb(source), as_rgb(edited), _heat(difference))
    captions = ("source", "edit", "largest change of a band, black 0 to white 0.5")
    height, width = source.shape[-2:]
    sheet = torch.ones(3, height + CAPTION, 3 * width + 2 * GAP)
    for i, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
        left = i * (width + GAP)
        sheet[:, CAPTION:, left : left + width] = panel
        sheet[:, :CAPTION, left : left + width] = _written(caption, width)
    return sheet


def _heat(difference: Tensor) -> Tensor:
    position = (difference / 0.5).clamp(0.0, 1.0) * (len(_HEAT) - 1)
    low = position.floor().long().clamp(max=len(_HEAT) - 2)
    weight = (position - low)[..., None]
    return channels_first(torch.lerp(_HEAT[low], _HEAT[low + 1], weight))


def _written(text: str, width: int) -> Tensor:
    strip = Image.new("L", (width, CAPTION), 255)
    ImageDraw.Draw(strip).text((2, 3), text, fill=40)
    return torch.from_numpy(np.asarray(strip, np.float32) / 255)
