"""A bundled example scene as IMAGE and MASK."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..rasters.bundled import bundled_scenes, roi_path, scene_path
from ..rasters.files import read_raster
from ..rasters.regions import read_mask
from .types import to_image, to_mask


class SinDDMScene:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "An aerial scene that comes with the pack, so that the example workflows run at once. "
        "Where the scene has a suggested region, it is the mask."
    )
    FUNCTION = "load"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "region")
    OUTPUT_TOOLTIPS = (
        "The scene.",
        "The scene's suggested region of interest: 1 inside; 1 everywhere where it suggests none.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {"scene": (list(bundled_scenes()), {"default": "forest", "tooltip": "Which scene to load."})}
        }

    def load(self, scene: str) -> tuple[Tensor, Tensor]:
        raster = read_raster(scene_path(scene))
        path = roi_path(scene)
        region = read_mask(path, raster.size) if path else torch.ones(raster.size)
        return to_image([raster.pixels]), to_mask([region])
