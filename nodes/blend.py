"""An edit put into its original, as a node."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..guidance.blending import FEATHER, MAX_FEATHER, MODES, blend
from .types import from_image, from_mask, one_for_each, to_image


class SinDDMBlend:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Puts the masked part of an edited image into the original. Outside the mask the original stays bit for bit."
    )
    FUNCTION = "blend"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The blended image.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "original": ("IMAGE", {"tooltip": "What stays outside the mask."}),
                "edited": (
                    "IMAGE",
                    {"tooltip": "What is put inside the mask: of the original's size, one for all images or one each."},
                ),
                "mask": (
                    "MASK",
                    {"tooltip": "Where the edit goes: 1 inside."},
                ),
                "mode": (
                    list(MODES),
                    {
                        "default": MODES[0],
                        "tooltip": "feather: the edit fades in from the mask's edge inwards. hard: a sharp edge. "
                        "poisson: the edit's structure in colours that meet those around the mask.",
                    },
                ),
                "feather": (
                    "INT",
                    {
                        "default": FEATHER,
                        "min": 0,
                        "max": MAX_FEATHER,
                        "tooltip": "Pixels over which the edit fades in, for the mode feather.",
                    },
                ),
            }
        }

    def blend(self, *, original: Tensor, edited: Tensor, mask: Tensor, mode: str, feather: int) -> tuple[Tensor]:
        pictures, edits = from_image(original, "original"), from_image(edited, "edited")
        edits = one_for_each(edits, len(pictures), "edited", "originals")
        blended = []
        for before, after, region in zip(pictures, edits, from_mask(mask, pictures), strict=True):
            where = torch.ones(before.shape[-2:]) if region is None else region
            blended.append(blend(before, after, where, mode, feather))
        return (to_image(blended),)
