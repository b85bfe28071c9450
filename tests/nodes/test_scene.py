from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.nodes.scene import SinDDMScene
from comfyui_sinddm_rs.rasters.bundled import bundled_scenes, roi_path


@pytest.mark.parametrize("name", bundled_scenes())
def test_every_scene_loads_with_a_region_where_it_suggests_one(name: str) -> None:
    image, region = SinDDMScene().load(name)
    assert image.ndim == 4
    assert image.shape[-1] == 3
    assert 0 <= image.min() < image.max() <= 1
    assert region.shape == image.shape[:3]
    assert bool((region == 0).any()) == (roi_path(name) is not None)
    assert bool(region.any())
    assert set(torch.unique(region).tolist()) <= {0.0, 1.0}


def test_the_node_offers_all_scenes() -> None:
    choices, options = SinDDMScene.INPUT_TYPES()["required"]["scene"]
    assert list(choices) == list(bundled_scenes())
    assert options["default"] in choices
