"""Editing by text as a node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..geo.window import GeoDocument
from ..guidance.editing import edit_image
from ..guidance.guide import Guide
from ..guidance.prompting.prompts import PromptEnsemble
from ..guidance.results import EditResult
from ..guidance.settings import MAX_STRENGTH, EditSettings
from ..sinddm.network.model import SinDDMModel
from .host import device, gradients, ready, warn
from .progress import progress_bar
from .types import (
    InstantModel,
    Model,
    from_guide,
    from_image,
    from_mask,
    from_model,
    from_prompts,
    from_raster,
    one_picture,
    seed_input,
    to_image,
    to_mask,
)

DEFAULTS = EditSettings()


class SinDDMEdit:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Changes an aerial or satellite image as the text says and keeps what the text does not speak of. "
        "Its model is built from this one image, without training unless you wire a trained one; with a mask, nothing "
        "outside it changes."
    )
    FUNCTION = "edit"
    RETURN_TYPES = ("IMAGE", "MASK", "FLOAT")
    RETURN_NAMES = ("image", "changed", "score")
    OUTPUT_TOOLTIPS = (
        "The edited image, of the same size.",
        "How much of each pixel the edit changed, 0…1: the mask that goes with a before/after pair.",
        "How well the edited image fits the text, as the guide judges: 100 × cosine similarity, the mean over a batch.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "The image to edit; each one of a batch by itself."}),
                "text": (
                    "STRING",
                    {
                        "default": "A fire in the forest",
                        "multiline": True,
                        "tooltip": "What is to be seen after the edit, such as 'The river is flooding'.",
                    },
                ),
                "seed": seed_input(
                    "Another seed gives another place and shape; the same one the same bytes. Image i of a batch uses "
                    "seed + i."
                ),
                "strength": (
                    "FLOAT",
                    {
                        "default": DEFAULTS.strength,
                        "min": 0.0,
                        "max": MAX_STRENGTH,
                        "step": 0.05,
                        "tooltip": "How far the text moves the image: 0 does not guide at all, 1 is a clear event.",
                    },
                ),
                "candidates": (
                    "INT",
                    {
                        "default": DEFAULTS.candidates,
                        "min": 1,
                        "max": 16,
                        "tooltip": "How many edits to make from successive seeds, of which the one that fits "
                        "the text best is kept. The time grows with it.",
                    },
                ),
            },
            "optional": {
                "model": (
                    "SINDDM_MODEL",
                    {
                        "tooltip": "A model of the image. A trained one goes over what the edit lays out; an instant "
                        "one gives its exemplars. Without it an instant model is built."
                    },
                ),
                "guide": (
                    "RS_GUIDE",
                    {"tooltip": "What steers and scores the edit, from SinDDM Guide. Without it the shipped one."},
                ),
                "prompts": (
                    "RS_PROMPTS",
                    {"tooltip": "Wordings from SinDDM Prompts, which then take the place of the text."},
                ),
                "mask": (
                    "MASK",
                    {
                        "tooltip": "Where the image may change: 1 inside. Outside it stays bit for bit. "
                        "Without a mask the whole image may change."
                    },
                ),
                "raster": (
                    "RS_RASTER",
                    {
                        "tooltip": "The raster that the image shows, from SinDDM Load Raster: all its bands are edited "
                        "together, and the image that comes out has them all, for SinDDM Save Raster."
                    },
                ),
            },
        }

    def edit(
        self,
        *,
        image: Tensor,
        text: str,
        seed: int,
        strength: float,
        candidates: int,
        model: Model | None = None,
        guide: Guide | None = None,
        prompts: PromptEnsemble | None = None,
        mask: Tensor | None = None,
        raster: GeoDocument | None = None,
    ) -> tuple[Tensor, Tensor, float]:
        settings = replace(DEFAULTS, seed=seed, strength=strength, candidates=candidates, device=device())
        own = None if model is None else from_model(model)
        given = None if guide is None else ready(from_guide(guide))
        ensemble = None if prompts is None else from_prompts(prompts)
        document = None if raster is None else from_raster(raster)
        results = edit_batch(image, text, mask, settings, own, given, ensemble, document)
        for warning in dict.fromkeys(each for result in results for each in result.warnings):
            warn(warning)
        score = sum(result.score_after for result in results) / len(results)
        images, changes = [result.image for result in results], [result.changed for result in results]
        return to_image(images), to_mask(changes), score


def edit_batch(
    image: Tensor,
    text: str,
    mask: Tensor | None,
    settings: EditSettings,
    model: Model | None = None,
    guide: Guide | None = None,
    prompts: PromptEnsemble | None = None,
    raster: GeoDocument | None = None,
) -> list[EditResult]:
    """Edit each image of an IMAGE [B, H, W, C], image i with seed + i, within its region of the MASK.

    With a raster, the one image stands for it: all its bands are edited.
    The request of ``prompts``, where they are given, takes the place of ``text``.
    """
    request = text if prompts is None else prompts.request
    instant = model if isinstance(model, InstantModel) else None
    trained = model if isinstance(model, SinDDMModel) else None
    with gradients():
        pictures = from_image(image) if raster is None else [_shown_by(image, raster)]
        if instant is not None and any(not torch.equal(instant.image, picture) for picture in pictures):
            warn("The instant model is of another image, so the edit takes its exemplars alone.")
        regions = from_mask(mask, pictures)
        progress = progress_bar(len(pictures))
        each = [replace(settings, seed=settings.seed + i) for i in range(len(pictures))]
        return [
            edit_image(
                picture,
                request,
                roi=regions[i],
                settings=each[i],
                exemplar_images=() if instant is None else instant.exemplars,
                model=trained,
                guide=guide,
                prompts=prompts,
                valid=None if raster is None else raster.valid,
                units=None if raster is None else raster.units,
                progress=progress(i),
            )
            for i, picture in enumerate(pictures)
        ]


def _shown_by(image: Tensor, raster: GeoDocument) -> Tensor:
    """All bands [C, H, W] of the raster that an IMAGE shows."""
    if one_picture(image).shape[-2:] != raster.pixels.shape[-2:]:
        raise InputError(
            f"The input 'image' has {image.shape[2]}×{image.shape[1]} px and the raster "
            f"{raster.pixels.shape[2]}×{raster.pixels.shape[1]} px; connect both outputs of one SinDDM Load Raster."
        )
    return raster.pixels
