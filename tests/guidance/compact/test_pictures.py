"""What the guide's training pictures show."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.compact.pictures import LEAST_CLOSE_UP, close_up, draw_event
from comfyui_sinddm_rs.guidance.events import EVENTS, Scene
from comfyui_sinddm_rs.guidance.events.buildings import find_buildings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image

BY_NAME = {event.name: event for event in EVENTS}


def scene(name: str) -> Scene:
    with Image.open(scene_path(name)) as picture:
        return Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)


@pytest.mark.parametrize("seed", range(3))
def test_what_happens_to_a_building_is_drawn_on_one(seed):
    house = scene("house")
    roofs = np.any([building.mask for building in find_buildings(house)], axis=0)
    drawing = draw_event(house, BY_NAME["damaged_building"], np.random.default_rng(seed))
    drawn = drawing.mask > 0.5
    assert drawn.sum() > 50
    assert (drawn & roofs).sum() > 0.6 * drawn.sum()


def test_what_cannot_happen_is_not_drawn():
    assert draw_event(scene("forest"), BY_NAME["oil_spill"], np.random.default_rng(0)) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_close_up_shows_all_that_was_drawn(seed):
    mask = np.zeros((200, 240), np.float32)
    mask[90:170, 20:50] = 1.0
    rows, columns = close_up(mask, np.random.default_rng(seed))
    part = mask[rows, columns]
    assert part.shape[0] == part.shape[1] >= LEAST_CLOSE_UP
    assert part.sum() == mask.sum()
