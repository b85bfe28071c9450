"""Several events over one scene."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.guidance.compact import CompactGuide
from comfyui_sinddm_rs.guidance.compositions import draw_together
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.events import EVENTS
from comfyui_sinddm_rs.guidance.exemplars import DrawnExemplar, draw_exemplars
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from torch import Tensor

BY_NAME = {event.name: event for event in EVENTS}


@pytest.fixture(scope="module")
def house() -> Tensor:
    return read_raster(scene_path("house")).pixels[:, :128, :128].contiguous()


def drawn(image: Tensor, guide: CompactGuide, *names: str) -> tuple[tuple[str, ...], list[DrawnExemplar]]:
    target = guide.embed_texts(["a flooded village, roofs damaged"])[0]
    events = [BY_NAME[name] for name in names]
    return draw_together(image, events, None, 1.0, guide, target, np.random.default_rng(0), 2)


def test_one_event_is_drawn_as_alone(house: Tensor, compact: CompactGuide) -> None:
    target = compact.embed_texts(["a flooded village, roofs damaged"])[0]
    alone = draw_exemplars(house, BY_NAME["flood"], None, 1.0, compact, target, np.random.default_rng(0), 2)
    names, together = drawn(house, compact, "flood")
    assert names == ("flood",)
    assert all(
        torch.equal(a.image, b.image) and torch.equal(a.mask, b.mask) for a, b in zip(alone, together, strict=True)
    )


def test_both_events_are_seen_and_the_rest_is_kept(house: Tensor, compact: CompactGuide) -> None:
    names, together = drawn(house, compact, "damaged_building", "flood")
    assert names == ("flood", "damaged_building")
    flood = drawn(house, compact, "flood")[1]
    for both, low in zip(together, flood, strict=True):
        more = both.mask - low.mask
        assert float(more.min()) >= 0.0 and float((more > 0.5).float().mean()) > 0.002
        untouched = both.mask == 0
        assert torch.equal(both.image[:, untouched], house[:, untouched])
        only_flood = (both.mask == low.mask) & (low.mask > 0)
        torch.testing.assert_close(both.image[:, only_flood], low.image[:, only_flood])


def test_an_event_without_a_place_leaves_the_other(house: Tensor, compact: CompactGuide) -> None:
    meadow = torch.full_like(house, 0.3) + torch.tensor([0.0, 0.12, -0.05])[:, None, None]
    meadow += 0.02 * torch.randn(meadow.shape, generator=torch.Generator().manual_seed(0))
    assert drawn(meadow, compact, "oil_spill", "fire")[0] == ("fire",)


def test_an_edit_names_all_its_events(house: Tensor) -> None:
    result = edit_image(house, "A flooded village, roofs damaged")
    assert result.exemplars == ("flood", "damaged_building")
