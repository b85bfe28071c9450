"""Drawings for a network to learn an event from."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.event_pictures import PICTURES, event_pictures
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from torch import Tensor


@pytest.fixture(scope="module")
def forest() -> Tensor:
    return read_raster(scene_path("forest")).pixels[:, :96, :96].contiguous()


def test_the_event_is_named_and_drawn_differently_each_time(forest: Tensor) -> None:
    name, drawn = event_pictures(forest, "A fire in the forest")
    assert name == "fire" and len(drawn) == PICTURES
    assert all(each.shape == forest.shape and bool(torch.isfinite(each).all()) for each in drawn)
    changed = [(each - forest).abs().amax(0) > 0.1 for each in drawn]
    assert all(0.01 < float(each.float().mean()) < 0.9 for each in changed)
    assert not torch.equal(changed[0], changed[1])
    assert all(map(torch.equal, drawn, event_pictures(forest, "A fire in the forest")[1]))


def test_a_text_without_event(forest: Tensor) -> None:
    with pytest.raises(InputError, match="No event that can be drawn was found in 'my cat likes music'"):
        event_pictures(forest, "my cat likes music")
