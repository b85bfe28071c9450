from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.regions import Edges, connected_parts, largest_part, object_within
from scipy import ndimage


def square(turn: float) -> np.ndarray:
    rows, columns = np.indices((64, 64)) - 32.0
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return np.maximum(np.abs(c * rows + s * columns), np.abs(c * columns - s * rows)) < 16


@pytest.mark.parametrize("turn", [0.0, 20.0, 45.0])
def test_a_square_is_straight_however_it_is_turned_and_a_disc_is_not(turn):
    rows, columns = np.indices((64, 64)) - 32.0
    disc = np.hypot(rows, columns) < 16
    found = []
    for shape in (square(turn), disc):
        picture = np.repeat(ndimage.gaussian_filter(shape.astype(np.float32), 1.0)[..., None], 3, axis=-1)
        found.append(Edges(picture, 1.0).straightness(shape & ~ndimage.binary_erosion(shape, iterations=2)))
    assert found[0] > 0.8 and found[1] < 0.2


def test_straightness_in_a_window_is_that_of_its_outline():
    shape = square(0.0)
    edges = Edges(np.repeat(shape[..., None].astype(np.float32), 3, axis=-1), 1.0)
    window = np.s_[8:56, 8:56]
    assert edges.straightness(shape[window], window) == pytest.approx(edges.straightness(shape), abs=1e-6)


def test_only_parts_of_the_sizes_asked_for_come():
    labels = np.zeros((10, 10), np.intp)
    labels[0, 0], labels[2:4, 2:4], labels[5:, 5:] = 1, 2, 3
    parts = list(connected_parts(labels, 0.02, 0.2))
    assert len(parts) == 1 and parts[0][0].all() and parts[0][1] == np.s_[2:4, 2:4]


def test_the_largest_part_and_nothing_of_nothing():
    mask = np.zeros((8, 8), bool)
    mask[0, 0] = mask[3:6, 3:6] = True
    assert largest_part(mask).sum() == 9 and not largest_part(np.zeros((4, 4), bool)).any()


def test_a_region_finds_what_it_was_drawn_around():
    rng = np.random.default_rng(0)
    rgb = np.full((64, 64, 3), (0.3, 0.5, 0.25), np.float32) + rng.normal(0, 0.02, (64, 64, 3)).astype(np.float32)
    rgb[20:44, 24:40] = (0.7, 0.4, 0.35)
    area = np.zeros((64, 64), np.float32)
    area[12:52, 16:48] = 1.0
    found = object_within(rgb, area, np.zeros((64, 64), np.float32))
    thing = np.zeros((64, 64), bool)
    thing[20:44, 24:40] = True
    assert (found & thing).sum() / (found | thing).sum() > 0.65
