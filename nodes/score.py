"""Scores of an edit as a node."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..guidance.guide import Guide
from ..guidance.guides import load_guide
from ..guidance.prompting.prompts import PromptEnsemble
from ..guidance.scores import EditScores, mean_scores, score_edit
from ..guidance.settings import EditSettings
from .host import device, gradients, ready, warn
from .types import from_changed_mask, from_guide, from_image, from_prompts, one_for_each


class SinDDMScore:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Tells how well an image fits a text (CLIP score) and, with the image before the edit, what the edit changed "
        "and what it kept outside its region."
    )
    FUNCTION = "score"
    RETURN_TYPES = ("FLOAT", "STRING")
    RETURN_NAMES = ("clip_score", "text")
    OUTPUT_TOOLTIPS = (
        "How well the image fits the text: 100 × cosine similarity, the mean over a batch.",
        "All scores, one a line, and warnings, for a text preview; each score is the mean over a batch.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "The image to score; each one of a batch by itself."}),
                "text": (
                    "STRING",
                    {
                        "default": "A fire in the forest",
                        "multiline": True,
                        "tooltip": "What the image should show; it is scored as it is written.",
                    },
                ),
            },
            "optional": {
                "guide": (
                    "RS_GUIDE",
                    {
                        "tooltip": "What scores, from SinDDM Guide; best another one than guided the edit. "
                        "Without it the shipped one."
                    },
                ),
                "prompts": (
                    "RS_PROMPTS",
                    {"tooltip": "Wordings from SinDDM Prompts, whose mean then takes the place of the text."},
                ),
                "source": (
                    "IMAGE",
                    {
                        "tooltip": "The image before the edit, of the same size: one for all images, or one for each. "
                        "With it there are the scores of what was changed and kept."
                    },
                ),
                "mask": (
                    "MASK",
                    {
                        "tooltip": "The edited region: 1 inside. Without a mask, or with an empty one, it is where "
                        "image and source differ."
                    },
                ),
            },
        }

    def score(
        self,
        *,
        image: Tensor,
        text: str,
        guide: Guide | None = None,
        prompts: PromptEnsemble | None = None,
        source: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[float, str]:
        with gradients():  # a guide that is loaded in inference mode could not guide an edit later
            scorer = load_guide(EditSettings.guide, device()) if guide is None else ready(from_guide(guide))
            ensemble = None if prompts is None else from_prompts(prompts)
            scores = mean_scores(score_batch(image, text, scorer, ensemble, source, mask))
        for warning in scores.warnings:
            warn(warning)
        return scores.clip_score, scores.text()


def score_batch(
    image: Tensor,
    text: str,
    guide: Guide,
    prompts: PromptEnsemble | None = None,
    source: Tensor | None = None,
    mask: Tensor | None = None,
) -> list[EditScores]:
    """Score each image of an IMAGE [B, H, W, C], with its source of B or of one for all, and its region of the MASK.

    The request of ``prompts``, where they are given, takes the place of ``text``.
    """
    request = text if prompts is None else prompts.request
    pictures = from_image(image)
    regions = from_changed_mask(mask, pictures)
    sources: list[Tensor | None] = [None] if source is None else [*from_image(source, "source")]
    sources = one_for_each(sources, len(pictures), "source", "edited ones")
    return [
        score_edit(picture, request, guide=guide, source=before, mask=region, prompts=prompts)
        for picture, before, region in zip(pictures, sources, regions, strict=True)
    ]
