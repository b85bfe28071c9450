"""The boundary between ComfyUI's sockets and the tensors of this package.

IMAGE is float [B, H, W, C] in 0…1 and MASK float [B, H, W] in 0…1; inside, a picture is float32 [C, H, W]
and a region [H, W]. ComfyUI checks what is wired, not what is written into a graph by hand: kinds are
checked here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..errors import InputError
from ..rasters.layout import channels_first, channels_last

log = logging.getLogger(__name__)


def from_image(image: Tensor) -> list[Tensor]:
    """IMAGE [B, H, W, C] → B new tensors [C, H, W] on the CPU, free of the host's inference mode."""
    if not isinstance(image, Tensor) or image.ndim != 4 or image.shape[0] == 0:
        raise InputError(f"The input 'image' is {_kind(image)}; connect the IMAGE output of another node.")
    return [channels_first(picture).to("cpu", torch.float32, copy=True) for picture in image]


def from_mask(mask: Tensor | None, pictures: Sequence[Tensor]) -> list[Tensor | None]:
    """MASK [B, H, W] or [H, W] → one region [H, W] in 0…1 for each picture [C, H, W], None where it is empty.

    One mask serves all pictures. An empty one of any size means the whole image: ComfyUI's LoadImage gives a
    small mask of zeros for a file without transparency.
    """
    if mask is None:
        return [None] * len(pictures)
    if not isinstance(mask, Tensor) or mask.ndim not in (2, 3):
        raise InputError(f"The input 'mask' is {_kind(mask)}; connect the MASK output of another node.")
    masks = list(mask.to("cpu", torch.float32, copy=True).reshape(-1, *mask.shape[-2:]))
    if len(masks) not in (1, len(pictures)):
        raise InputError(
            f"The input 'mask' has {len(masks)} masks for {len(pictures)} images; give one mask, or one for each image."
        )
    masks *= len(pictures) // len(masks)
    return [_region(each, picture) for each, picture in zip(masks, pictures, strict=True)]


def to_image(pictures: Sequence[Tensor]) -> Tensor:
    """B pictures [C, H, W] of one size → IMAGE [B, H, W, C]."""
    return channels_last(torch.stack([picture.detach().to("cpu", torch.float32) for picture in pictures]))


def to_mask(maps: Sequence[Tensor]) -> Tensor:
    """B maps [H, W] of one size → MASK [B, H, W]."""
    return torch.stack([each.detach().to("cpu", torch.float32) for each in maps])


def _region(mask: Tensor, picture: Tensor) -> Tensor | None:
    if not bool(mask.any()):
        return None
    size = tuple(picture.shape[-2:])
    if tuple(mask.shape) != size:
        log.info("SinDDM-RS: a mask of %d×%d px was resized to %d×%d px.", *mask.shape[::-1], *size[::-1])
        mask = interpolate(mask[None, None], size=size, mode="nearest")[0, 0]
    return mask


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
