"""A guide as a node: what judges how well image and text agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from ..guidance.clip.presets import PRESETS
from ..guidance.clip.weights import fetch, find_weights, model_folders
from ..guidance.guide import Guide
from ..guidance.guides import guide_names, load_guide
from .host import device, guide_files, guide_folders, managed


class SinDDMGuide:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Chooses what steers an edit and scores it. 'compact' comes with the pack; the others are CLIP models whose "
        "weights lie in ComfyUI's models folders (remoteclip or clip_vision)."
    )
    FUNCTION = "load"
    RETURN_TYPES = ("RS_GUIDE",)
    RETURN_NAMES = ("guide",)
    OUTPUT_TOOLTIPS = ("The guide, for SinDDM Edit by Text and SinDDM Score.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "guide": (
                    [*guide_names(), *guide_files()],
                    {
                        "default": guide_names()[0],
                        "tooltip": "A guide by its name, or a file of CLIP weights in models/remoteclip.",
                    },
                ),
            },
            "optional": {
                "download": (
                    "BOOLEAN",
                    {
                        "default": False,
                        "tooltip": "Fetch the weights of a named guide from Hugging Face into models/remoteclip "
                        "where they are missing. Off, nothing is ever downloaded.",
                    },
                ),
            },
        }

    def load(self, guide: str, download: bool = False) -> tuple[Guide]:
        folders = guide_folders()
        if download and guide in PRESETS and find_weights(PRESETS[guide], model_folders(folders)) is None:
            fetch(PRESETS[guide], folders[0])
        return (managed(load_guide(_place(guide, folders), device(), folders)),)


def _place(guide: str, folders: list[Path]) -> str:
    """The name of a guide as it is, that of a file as its path; no name leads out of the folders."""
    if guide in guide_names():
        return guide
    if guide not in guide_files():
        raise InputError(
            f"There is no guide '{guide}'; choose one of the list, or put its file into models/remoteclip."
        )
    return str(next(folder / guide for folder in folders if (folder / guide).is_file()))
