"""Pictures as a CLIP's image tower wants them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError


def normalised(images: Tensor, side: int, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """float [B, 3, H, W] in 0…1 → float32 [B, 3, side, side], less the mean and by the deviation of each colour.

    Another size is resized as Pillow does it: bicubic, antialiased, kept in 0…1; another aspect is squeezed square.
    Raises InputError for another shape.
    """
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise InputError(f"A CLIP reads RGB pictures [B, 3, H, W], not {list(images.shape)}; give it three bands.")
    images = images.float()
    if images.shape[-2:] != (side, side):
        images = F.interpolate(images, size=(side, side), mode="bicubic", antialias=True).clamp(0.0, 1.0)
    centre, spread = (torch.tensor(values, device=images.device)[:, None, None] for values in (mean, std))
    return (images - centre) / spread


def precision_on(device: torch.device) -> str:
    """Type of the weights on a device, in open_clip's words: half on a CUDA card, else float32."""
    if device.type != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
