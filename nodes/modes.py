"""What a trained model does besides editing, as nodes: style by text, and harmonising."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..guidance.checks import checked_image
from ..guidance.guide import Guide
from ..guidance.guides import load_guide
from ..guidance.settings import EditSettings, check_seed
from ..guidance.styling import STYLE_STRENGTH, style_by_text
from ..sinddm.modes import HARMONISE_STEPS, harmonise
from ..sinddm.schedule import TIMESTEPS
from .host import device, gradients, ready
from .progress import progress_bar, sampling_watch
from .types import Model, check_range, from_guide, from_image, from_mask, from_trained, seed_input, to_image

MAX_STYLE_STRENGTH = 2.0
MODEL = ("SINDDM_MODEL", {"tooltip": "A trained model of an image with as many bands."})
SEED = seed_input("The same seed gives the same bytes. Image i of a batch uses seed + i.")


class SinDDMStyle:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = "Gives the whole image the style that a text names; its layout stays."
    FUNCTION = "style"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The image in its new style, of the same size.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "model": MODEL,
                "image": ("IMAGE", {"tooltip": "The image to restyle; each one of a batch by itself."}),
                "text": (
                    "STRING",
                    {"default": "Snow", "multiline": True, "tooltip": "The style, such as 'Snow' or 'Van Gogh'."},
                ),
                "strength": (
                    "FLOAT",
                    {
                        "default": STYLE_STRENGTH,
                        "min": 0.0,
                        "max": MAX_STYLE_STRENGTH,
                        "step": 0.05,
                        "tooltip": "How firmly each step moves towards the text; 0 does not.",
                    },
                ),
                "seed": SEED,
            },
            "optional": {
                "guide": ("RS_GUIDE", {"tooltip": "What steers, from SinDDM Guide. Without it the shipped one."}),
            },
        }

    def style(
        self, *, model: Model, image: Tensor, text: str, strength: float, seed: int, guide: Guide | None = None
    ) -> tuple[Tensor]:
        trained = from_trained(model)
        check_range("strength", strength, 0.0, MAX_STYLE_STRENGTH)
        check_seed(seed)
        with gradients():
            steering = load_guide(EditSettings.guide, device()) if guide is None else ready(from_guide(guide))
            pictures = from_image(image)
            progress = progress_bar(len(pictures))
            styled = [
                style_by_text(
                    trained,
                    picture,
                    text,
                    steering,
                    strength=strength,
                    seed=seed + i,
                    watch=sampling_watch(progress(i)),
                )
                for i, picture in enumerate(pictures)
            ]
        return (to_image(styled),)


class SinDDMHarmonize:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = "Lets a pasted object take on the look of the model's image. Far from the mask nothing changes."
    FUNCTION = "harmonize"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The image with the object in its new look, of the same size.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "model": MODEL,
                "image": ("IMAGE", {"tooltip": "The image with the object on it; each one of a batch by itself."}),
                "steps": (
                    "INT",
                    {
                        "default": HARMONISE_STEPS,
                        "min": 1,
                        "max": TIMESTEPS - 1,
                        "tooltip": "Time step at which to begin: more changes more.",
                    },
                ),
                "seed": SEED,
            },
            "optional": {
                "mask": (
                    "MASK",
                    {"tooltip": "Where the object is: 1 inside. Without a mask, all of the image."},
                ),
            },
        }

    def harmonize(
        self, *, model: Model, image: Tensor, steps: int, seed: int, mask: Tensor | None = None
    ) -> tuple[Tensor]:
        trained = from_trained(model).to(device())
        check_seed(seed)
        with gradients():
            pictures = [checked_image(each, "The image") for each in from_image(image)]
            regions = from_mask(mask, pictures)
            progress = progress_bar(len(pictures))
            blended = []
            for i, (picture, region) in enumerate(zip(pictures, regions, strict=True)):
                where = torch.ones(picture.shape[-2:]) if region is None else region.clamp(0.0, 1.0)
                blended.append(harmonise(trained, picture, where, seed + i, steps, sampling_watch(progress(i))))
        return (to_image(blended),)
