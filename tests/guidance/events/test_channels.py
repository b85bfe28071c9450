"""Where a river goes on of which a piece was found."""

from __future__ import annotations

import numpy as np
from comfyui_sinddm_rs.guidance.events.channels import carried_on
from comfyui_sinddm_rs.guidance.events.regions import opponent

SIDE = 120
LAND, WATER, DARKER = np.array([0.35, 0.42, 0.25]), np.array([0.2, 0.25, 0.28]), np.array([0.17, 0.21, 0.24])


def river(width: float = 6.0) -> np.ndarray:
    rows, columns = np.indices((SIDE, SIDE))
    return np.abs(rows - 60.0 - 12.0 * np.sin(columns / 25.0)) < width


def colours(bed: np.ndarray, land: np.ndarray = LAND) -> np.ndarray:
    noise = 0.005 * np.random.default_rng(0).standard_normal((SIDE, SIDE, 3))
    tone = np.where((np.indices((SIDE, SIDE))[1] < 60)[..., None], WATER, DARKER)
    return opponent((np.where(bed[..., None], tone, land) + noise).astype(np.float32))


def test_a_piece_of_a_river_goes_on_to_both_sides_of_the_picture() -> None:
    bed = river()
    piece = bed & (np.abs(np.indices(bed.shape)[1] - 50) < 20)
    whole = carried_on(colours(bed), piece)
    assert (whole[:, 0] & bed[:, 0]).any()
    assert (whole[:, -1] & bed[:, -1]).any()
    assert np.count_nonzero(whole & bed) / np.count_nonzero(whole | bed) > 0.8


def test_a_river_that_comes_in_goes_out_on_the_other_side() -> None:
    bed = river()
    piece = bed & (np.indices(bed.shape)[1] < 50)
    whole = carried_on(colours(bed), piece)
    assert (whole[:, -1] & bed[:, -1]).any()
    assert not (whole & ~bed)[:20].any()


def test_a_river_through_the_whole_picture_stays_as_it_is() -> None:
    bed = river()
    assert np.array_equal(carried_on(colours(bed), bed), bed)


def test_a_pond_has_no_outflow() -> None:
    rows, columns = np.indices((SIDE, SIDE))
    pond = np.hypot(rows - 60, columns - 60) < 25
    assert np.array_equal(carried_on(colours(pond, WATER + 0.02), pond), pond)


def test_what_ends_amid_other_land_ends_there() -> None:
    bed = river() & (np.abs(np.indices((SIDE, SIDE))[1] - 60) < 30)
    assert np.array_equal(carried_on(colours(bed, np.array([0.7, 0.6, 0.3])), bed), bed)


def test_too_little_water_is_left_alone() -> None:
    speck = np.zeros((SIDE, SIDE), bool)
    speck[5:7, 5:7] = True
    assert np.array_equal(carried_on(colours(river()), speck), speck)
