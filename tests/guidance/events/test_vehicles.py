"""Aircraft on an apron and cars on a road are found, lines painted on the ground are not."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events import Scene
from comfyui_sinddm_rs.guidance.events.vehicles import find_aircraft, find_cars
from scipy import ndimage

SIZE = 240


def ground(seed: int) -> np.ndarray:
    grain = np.random.default_rng(seed).normal(0.0, 0.012, (SIZE, SIZE, 1))
    return (np.array([0.42, 0.41, 0.40]) + grain).astype(np.float32)


def line(picture: np.ndarray) -> None:
    picture[:, 30:33] = 0.85


def cross(row: int, column: int) -> np.ndarray:
    """An aircraft from above, bool [H, W]: a hull, wings and a tail."""
    mask = np.zeros((SIZE, SIZE), bool)
    mask[row - 30 : row + 30, column - 5 : column + 5] = True
    mask[row - 6 : row + 6, column - 28 : column + 28] = True
    mask[row + 24 : row + 30, column - 11 : column + 11] = True
    return mask


def soft(picture: np.ndarray) -> Scene:
    return Scene(ndimage.gaussian_filter(picture, (0.6, 0.6, 0)).clip(0, 1).astype(np.float32))


@pytest.mark.parametrize("seed", range(3))
def test_an_aircraft_is_found_and_a_line_is_not(seed):
    picture = ground(seed)
    line(picture)
    plane = cross(90 + 20 * seed, 140)
    picture[plane] = (0.9, 0.9, 0.88)
    (found,) = find_aircraft(soft(picture))
    assert (found.mask & plane).sum() > 0.85 * plane.sum()
    assert (found.mask & ~plane).sum() < 0.25 * plane.sum()


def test_of_an_aircraft_that_the_border_cuts_nothing_is_found():
    picture = ground(0)
    picture[np.roll(cross(100, 100), -96, axis=1)] = 0.9
    picture[:, 200:] = ground(0)[:, 200:]
    assert find_aircraft(soft(picture)) == []


@pytest.mark.parametrize("colour", [(0.9, 0.9, 0.9), (0.12, 0.12, 0.13), (0.6, 0.15, 0.12)])
def test_cars_of_any_colour_are_found_and_a_line_is_not(colour):
    picture = ground(1)
    line(picture)
    cars = np.zeros((SIZE, SIZE), bool)
    for row, column in ((60, 80), (150, 170)):
        cars[row : row + 16, column : column + 8] = True
    picture[cars] = colour
    found = find_cars(soft(picture))
    assert len(found) == 2
    both = np.any([each.mask for each in found], axis=0)
    assert (both & cars).sum() > 0.85 * cars.sum() and (both & ~cars).sum() < 0.6 * cars.sum()


def test_where_nothing_is_paved_there_are_no_cars():
    rng = np.random.default_rng(0)
    lawn = np.array([0.3, 0.42, 0.25]) + rng.normal(0.0, 0.02, (SIZE, SIZE, 1))
    lawn[60:76, 80:88] = 0.9
    assert find_cars(soft(lawn)) == []
