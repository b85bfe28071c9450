"""Several events over one scene."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide
from comfyui_sinddm_rs.guidance.compositions import draw_together
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.events import EVENTS
from comfyui_sinddm_rs.guidance.exemplars import Canvas, DrawnExemplar, draw_exemplars
from comfyui_sinddm_rs.guidance.masks import grow
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
    return draw_together(Canvas(image, guide, target), events, np.random.default_rng(0), 2)


def test_one_event_is_drawn_as_alone(house: Tensor, compact: CompactGuide) -> None:
    target = compact.embed_texts(["a flooded village, roofs damaged"])[0]
    alone = draw_exemplars(Canvas(house, compact, target), BY_NAME["flood"], np.random.default_rng(0), 2)
    names, together = drawn(house, compact, "flood")
    assert names == ("flood",)
    assert all(
        torch.equal(a.image, b.image) and torch.equal(a.mask, b.mask) for a, b in zip(alone, together, strict=True)
    )


def test_both_events_are_seen_and_the_rest_is_kept(house: Tensor, compact: CompactGuide) -> None:
    names, together = drawn(house, compact, "damaged_building", "flood")
    assert names == ("flood", "damaged_building")
    for both, flood in zip(together, drawn(house, compact, "flood")[1], strict=True):
        untouched = both.mask == 0
        assert torch.equal(both.image[:, untouched], house[:, untouched])
        assert float((both.mask > flood.mask + 0.5).float().mean()) > 0.002
        as_flooded = (both.mask == flood.mask) & (flood.mask > 0.5)
        assert float(as_flooded.float().mean()) > 0.2 * float((flood.mask > 0.5).float().mean())
        torch.testing.assert_close(both.image[:, as_flooded], flood.image[:, as_flooded])


def test_the_ground_around_an_object_stays_dry(house: Tensor, compact: CompactGuide) -> None:
    _, together = drawn(house, compact, "cracks", "flood")
    cracks = drawn(house, compact, "cracks")[1]
    for both, alone in zip(together, cracks, strict=True):
        beside = (grow(alone.mask, 2) > 0.3) & (alone.mask == 0)
        assert float(both.mask[beside].mean()) < 0.3


def test_an_event_without_a_place_leaves_the_other(house: Tensor, compact: CompactGuide) -> None:
    meadow = torch.full_like(house, 0.3) + torch.tensor([0.0, 0.12, -0.05])[:, None, None]
    meadow += 0.02 * torch.randn(meadow.shape, generator=torch.Generator().manual_seed(0))
    assert drawn(meadow, compact, "oil_spill", "fire")[0] == ("fire",)


def test_an_edit_names_all_its_events(house: Tensor) -> None:
    result = edit_image(house, "A flooded village, roofs damaged")
    assert result.exemplars == ("flood", "damaged_building")
