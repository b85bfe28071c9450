"""The model that needs no training, as a node."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..guidance.checks import checked_exemplar, checked_image
from .host import gradients
from .types import InstantModel, from_image, one_picture


class SinDDMInstantModel:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "A model of one image at once, without training: it denoises with the image's own patches. Pictures of an "
        "event elsewhere add theirs."
    )
    FUNCTION = "build"
    RETURN_TYPES = ("SINDDM_MODEL",)
    RETURN_NAMES = ("model",)
    OUTPUT_TOOLTIPS = ("The model, for SinDDM Edit by Text and SinDDM Sample.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {"image": ("IMAGE", {"tooltip": "The image the model is of, 32 to 2,048 pixels a side."})},
            "optional": {
                "exemplars": (
                    "IMAGE",
                    {
                        "tooltip": "What the event looks like elsewhere: one picture or a batch, at about the same "
                        "ground resolution."
                    },
                ),
            },
        }

    def build(self, *, image: Tensor, exemplars: Tensor | None = None) -> tuple[InstantModel]:
        with gradients():  # what is made in inference mode could not guide an edit later
            source, further = model_pictures(image, exemplars)
        return (InstantModel(source, tuple(further)),)


def model_pictures(image: Tensor, exemplars: Tensor | None) -> tuple[Tensor, list[Tensor]]:
    """The one image and the exemplars that a model is to know, [C, H, W] in 0…1 each."""
    source = checked_image(one_picture(image), "The image")
    pictures = [] if exemplars is None else from_image(exemplars, "exemplars")
    return source, [checked_exemplar(each, source) for each in pictures]
