"""New scenes as a node."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..errors import InputError
from ..guidance.checks import checked_image
from ..guidance.settings import check_seed
from ..rasters.raster import MAX_SIDE, MIN_SIDE
from ..sinddm.denoiser import Denoiser
from ..sinddm.hybrid import model_denoiser
from ..sinddm.new_scene import START_STRENGTH, scene_from
from ..sinddm.patches.bank import PatchSource
from ..sinddm.patches.model import PatchDenoiser
from ..sinddm.sampling import Step, Watch
from ..sinddm.value_range import to_pixels, to_signed
from .host import device, gradients
from .progress import progress_bar, sampling_watch
from .types import InstantModel, Model, check_range, from_image, from_model, seed_input, to_image

MAX_BATCH = 64


class SinDDMSample:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Draws new scenes that look like the model's image, of any size, from pure noise or with the layout of a "
        "start image."
    )
    FUNCTION = "sample"
    RETURN_TYPES = ("IMAGE", "IMAGE")
    RETURN_NAMES = ("images", "scales")
    OUTPUT_TOOLTIPS = (
        "The new scenes.",
        "The first scene as each scale left it, coarse to fine, all enlarged to its size.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        side = {"default": 0, "min": 0, "max": MAX_SIDE}
        return {
            "required": {
                "model": ("SINDDM_MODEL", {"tooltip": "An instant or a trained model."}),
                "width": ("INT", {**side, "tooltip": "Width in pixels, 32 or more; 0 takes the model's own."}),
                "height": ("INT", {**side, "tooltip": "Height in pixels, 32 or more; 0 takes the model's own."}),
                "batch_size": ("INT", {"default": 1, "min": 1, "max": MAX_BATCH, "tooltip": "How many scenes."}),
                "seed": seed_input("Scene i of the batch uses seed + i; the same seed gives the same bytes."),
            },
            "optional": {
                "image": (
                    "IMAGE",
                    {"tooltip": "A start image whose layout the scenes take; those of a batch serve in turn."},
                ),
                "strength": (
                    "FLOAT",
                    {
                        "default": START_STRENGTH,
                        "min": 0.0,
                        "max": 1.0,
                        "step": 0.05,
                        "tooltip": "Share of noise in which the start image is hidden: 0 keeps its layout, 1 hides it "
                        "wholly. Without a start image it says nothing.",
                    },
                ),
            },
        }

    def sample(
        self,
        *,
        model: Model,
        width: int,
        height: int,
        batch_size: int,
        seed: int,
        image: Tensor | None = None,
        strength: float = START_STRENGTH,
    ) -> tuple[Tensor, Tensor]:
        checked = from_model(model)
        check_range("batch_size", batch_size, 1, MAX_BATCH)
        check_range("strength", strength, 0.0, 1.0)
        check_seed(seed)
        for name, side in (("height", height), ("width", width)):
            check_range(name, side or MIN_SIDE, MIN_SIDE, MAX_SIDE)
        size = (height or int(checked.image.shape[-2]), width or int(checked.image.shape[-1]))
        with gradients(), torch.no_grad():
            starts = [] if image is None else [_checked_start(each, checked) for each in from_image(image)]
            place, scales = device(), list[Tensor]()
            progress = progress_bar(batch_size)
            scenes = []
            for i in range(batch_size):
                watch = sampling_watch(progress(i))
                watch = _keeping_scales(scales, watch) if i == 0 else watch
                start = starts[i % len(starts)] if starts else None
                denoiser = denoiser_of(checked, seed + i, place)
                scenes.append(scene_from(denoiser, size, seed + i, place, watch, start, strength))
            full = [interpolate(each[None], size=size, mode="nearest-exact")[0] for each in scales]
            return to_image(scenes), to_image(full)


def denoiser_of(model: Model, seed: int, place: str) -> Denoiser:
    """What samples from the model on the device ``place``."""
    if not isinstance(model, InstantModel):
        return model_denoiser(model.to(place), seed)
    further = [PatchSource(to_signed(each.to(place)), in_place=False) for each in model.exemplars]
    return PatchDenoiser(to_signed(model.image.to(place)), further, seed=seed)


def _keeping_scales(kept: list[Tensor], further: Watch) -> Watch:
    """A watch that keeps each finished scale, [C, h, w] in 0…1, and tells the ``further`` one."""

    def watch(clean: Tensor, step: Step) -> None:
        further(clean, step)
        if step.is_last:
            kept.append(to_pixels(clean).cpu())

    return watch


def _checked_start(picture: Tensor, model: Model) -> Tensor:
    start, bands = checked_image(picture, "The start image"), len(model.image)
    if len(start) != bands:
        raise InputError(f"The start image has {len(start)} bands and the model {bands}; give one with as many.")
    return start
