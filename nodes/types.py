"""The boundary between ComfyUI's sockets and the tensors of this package.

IMAGE is float [B, H, W, C] in 0…1 and MASK float [B, H, W] in 0…1; inside, a picture is float32 [C, H, W]
and a region [H, W]. ComfyUI checks what is wired, not what is written into a graph by hand: kinds are
checked here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..errors import InputError, number_text
from ..geo.window import GeoDocument
from ..guidance.guide import Guide
from ..guidance.prompting.prompts import PromptEnsemble
from ..guidance.settings import EditSettings
from ..rasters.layout import channels_first, channels_last
from ..sinddm.network.model import SinDDMModel

T = TypeVar("T")
log = logging.getLogger(__name__)

OVERSHOOT = 0.5
"""So far beyond 0…1 ComfyUI's sharpest resamplers swing; a picture with more is in another unit."""
NO_MASK = (64, 64)
"""Size of the mask of zeros that ComfyUI's LoadImage gives for a file without transparency."""


@dataclass(frozen=True, eq=False)
class InstantModel:
    """A model without training: its picture and pictures of an event elsewhere, float [C, H, W] in 0…1 each."""

    image: Tensor
    exemplars: tuple[Tensor, ...] = ()


Model = InstantModel | SinDDMModel
"""What SINDDM_MODEL carries."""


def from_image(image: Tensor, name: str = "image") -> list[Tensor]:
    """IMAGE [B, H, W, C] of the input ``name`` → B new tensors [C, H, W] on the CPU, free of inference mode."""
    if not isinstance(image, Tensor) or image.ndim != 4 or image.numel() == 0:
        raise InputError(f"The input '{name}' is {_kind(image)}; connect the IMAGE output of another node.")
    return [_within_range(channels_first(picture).to("cpu", torch.float32, copy=True)) for picture in image]


def one_picture(image: Tensor) -> Tensor:
    """IMAGE [1, H, W, C] → [C, H, W]: a model is of one image."""
    pictures = from_image(image)
    if len(pictures) > 1:
        raise InputError(
            f"The input 'image' has {len(pictures)} images and a model is of one; choose one of the batch."
        )
    return pictures[0]


def from_mask(mask: Tensor | None, pictures: Sequence[Tensor]) -> list[Tensor | None]:
    """MASK [B, H, W], [H, W] or [B, 1, H, W] → one region [H, W] in 0…1 for each picture [C, H, W], None for all of it.

    One mask serves all pictures. Without one, where it is 1 everywhere, or where it is NO_MASK, the region is the whole
    picture. Raises InputError for any other mask that selects nothing.
    """
    regions = _regions(mask, pictures)
    if any(region is not None and not _selects(region) for region in regions):
        raise InputError(
            "The input 'mask' is empty, so nothing may change; paint a region, or disconnect it for the whole image."
        )
    return [None if region is None or bool((region >= 1).all()) else region for region in regions]


def from_changed_mask(mask: Tensor | None, pictures: Sequence[Tensor]) -> list[Tensor | None]:
    """As ``from_mask``, for what an edit did change: all of a picture is a region too, and nothing is None."""
    return [None if region is None or not _selects(region) else region for region in _regions(mask, pictures)]


def from_guide(value: object) -> Guide:
    """RS_GUIDE → the guide."""
    if not isinstance(value, Guide):
        raise InputError(f"The input 'guide' is {_kind(value)}; connect the guide output of SinDDM Guide.")
    return value


def from_prompts(value: object) -> PromptEnsemble:
    """RS_PROMPTS → the prompts."""
    if not isinstance(value, PromptEnsemble):
        raise InputError(f"The input 'prompts' is {_kind(value)}; connect the prompts output of SinDDM Prompts.")
    return value


def from_model(value: object) -> Model:
    """SINDDM_MODEL → the model."""
    if not isinstance(value, Model):
        raise InputError(
            f"The input 'model' is {_kind(value)}; connect SinDDM Instant Model, SinDDM Train or SinDDM Load Model."
        )
    return value


def from_raster(value: object) -> GeoDocument:
    """RS_RASTER → the window of a raster on the earth."""
    if not isinstance(value, GeoDocument):
        raise InputError(f"The input 'raster' is {_kind(value)}; connect the raster output of SinDDM Load Raster.")
    return value


def from_trained(value: object) -> SinDDMModel:
    """SINDDM_MODEL → the model, which must be a trained one."""
    model = from_model(value)
    if isinstance(model, InstantModel):
        raise InputError(
            "The input 'model' is an instant model, and only a trained one can do this;"
            " connect SinDDM Train or SinDDM Load Model."
        )
    return model


def check_range(name: str, value: float, low: float, high: float) -> None:
    """A wired number passes by the limits of its widget."""
    if not low <= value <= high:
        raise InputError(f"The input '{name}' is {number_text(value)}; choose {low:g} to {high:,g}.")


def one_for_each(batch: list[T], count: int, name: str, others: str) -> list[T]:
    """The ``batch`` of the input ``name``, one for each of ``count`` ``others``; a single one serves all."""
    if len(batch) not in (1, count):
        raise InputError(
            f"The input '{name}' is a batch of {len(batch)} for {count} {others}; give one, or one for each."
        )
    return batch * (count // len(batch))


def seed_input(tooltip: str) -> tuple[str, dict[str, Any]]:
    """The widget of a seed; beyond 2⁵³ ComfyUI's page could not tell two of them apart."""
    limits = {"default": EditSettings.seed, "min": 0, "max": 2**53 - 1}
    return "INT", {**limits, "control_after_generate": True, "tooltip": tooltip}


def to_image(pictures: Sequence[Tensor]) -> Tensor:
    """B pictures [C, H, W] of one size → IMAGE [B, H, W, C]."""
    return channels_last(torch.stack([picture.detach().to("cpu", torch.float32) for picture in pictures]))


def to_mask(maps: Sequence[Tensor]) -> Tensor:
    """B maps [H, W] of one size → MASK [B, H, W]."""
    return torch.stack([each.detach().to("cpu", torch.float32) for each in maps])


def _within_range(picture: Tensor) -> Tensor:
    low, high = picture.aminmax()
    return picture.clamp(0.0, 1.0) if low >= -OVERSHOOT and high <= 1.0 + OVERSHOOT else picture


def _regions(mask: Tensor | None, pictures: Sequence[Tensor]) -> list[Tensor | None]:
    """A region of its size for each picture; None where there is no mask."""
    return [_region(each, picture) for each, picture in zip(_masks(mask, len(pictures)), pictures, strict=True)]


def _selects(region: Tensor) -> bool:
    return bool((region > 0).any())


def _masks(mask: Tensor | None, count: int) -> list[Tensor | None]:
    if mask is None:
        return [None] * count
    if isinstance(mask, Tensor) and mask.ndim == 4 and mask.shape[1] == 1:  # as nodes of segment-anything give them
        mask = mask[:, 0]
    if not isinstance(mask, Tensor) or mask.ndim not in (2, 3) or mask.numel() == 0:
        raise InputError(f"The input 'mask' is {_kind(mask)}; connect the MASK output of another node.")
    masks = list(mask.to("cpu", torch.float32, copy=True).reshape(-1, *mask.shape[-2:]))
    return one_for_each([None if _is_no_mask(each) else each for each in masks], count, "mask", "images")


def _is_no_mask(mask: Tensor) -> bool:
    return tuple(mask.shape) == NO_MASK and not bool(mask.any())


def _region(mask: Tensor | None, picture: Tensor) -> Tensor | None:
    if mask is None:
        return None
    if not bool(torch.isfinite(mask).all()):
        raise InputError("The input 'mask' holds NaN or infinite values; give a mask of values in 0…1.")
    size = tuple(picture.shape[-2:])
    if tuple(mask.shape) != size:
        log.info("SinDDM-RS: a mask of %d×%d px was resized to %d×%d px.", *mask.shape[::-1], *size[::-1])
        mask = interpolate(mask[None, None], size=size, mode="nearest")[0, 0]
    return mask


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
