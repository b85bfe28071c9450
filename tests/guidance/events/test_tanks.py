"""Which round tops are found."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.scene import Scene
from comfyui_sinddm_rs.guidance.events.tanks import Disc, find_tanks
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image
from scipy import ndimage


def ground(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(*shape, 1)), (1.0, 1.0, 0.0))
    return (np.array([0.5, 0.45, 0.38]) + 0.04 * grain / grain.std()).astype(np.float32)


def disc(shape: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.asarray(np.hypot(rows - row, columns - column) < radius)[..., None]


def with_tank(
    picture: np.ndarray, row: float, column: float, radius: float, tone: tuple[float, float, float]
) -> np.ndarray:
    """A tank of one tone, and its shadow to the upper right, as round and as sharp."""
    shape = picture.shape[:2]
    picture = np.where(disc(shape, row - 0.7 * radius, column + 0.7 * radius, radius), 0.25 * picture, picture)
    return np.where(disc(shape, row, column, radius), np.array(tone, np.float32), picture)


@pytest.mark.parametrize("tone", [(0.9, 0.9, 0.88), (0.62, 0.6, 0.6), (0.3, 0.5, 0.6)], ids=["white", "grey", "blue"])
@pytest.mark.parametrize(("shape", "radius"), [((128, 160), 12.0), ((256, 256), 50.0), ((400, 300), 30.0)])
def test_a_tank_is_found_and_not_its_shadow(
    shape: tuple[int, int], radius: float, tone: tuple[float, float, float]
) -> None:
    row, column = 0.55 * shape[0], 0.4 * shape[1]
    (clearest, *_) = find_tanks(Scene(with_tank(ground(shape), row, column, radius, tone)))
    assert np.hypot(clearest.row - row, clearest.column - column) < 0.15 * radius + 1.0
    assert abs(clearest.radius - radius) < 0.12 * radius + 1.0


def test_each_of_two_tanks_is_found_once() -> None:
    picture = with_tank(
        with_tank(ground((200, 200)), 60.0, 60.0, 25.0, (0.9, 0.9, 0.9)), 140.0, 130.0, 20.0, (0.8,) * 3
    )
    found = find_tanks(Scene(picture))
    assert sorted(round(each.row, -1) for each in found) == [60.0, 140.0]


@pytest.mark.parametrize("name", ["forest", "meadow", "coast"])
def test_there_are_no_tanks_in_nature(name: str) -> None:
    assert find_tanks(scene(name)) == []


def test_the_bundled_tanks_are_found() -> None:
    found = find_tanks(scene("tanks"))
    assert [(round(each.row, -1), round(each.column, -1)) for each in found] == [(200.0, 100.0), (180.0, 200.0)]


def test_an_even_picture_has_no_tanks() -> None:
    assert find_tanks(Scene(np.full((64, 64, 3), 0.5, np.float32))) == []


def test_a_disc_covers_what_lies_within_its_radius() -> None:
    mask = Disc(10.0, 20.0, 8.0, 1.0).mask((32, 32))
    assert mask[10, 20] and mask[10, 27] and not mask[10, 28] and not mask[19, 20]


def scene(name: str) -> Scene:
    with Image.open(scene_path(name)) as picture:
        return Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)


def test_a_square_stands_out_less_than_a_disc() -> None:
    rows, columns = np.indices((160, 160))
    picture = np.full((160, 160, 3), 0.4, np.float32)
    picture[np.hypot(rows - 45, columns - 45) < 22] = 0.8
    picture[95:139, 95:139] = 0.8
    picture += 0.02 * np.random.default_rng(0).standard_normal(picture.shape).astype(np.float32)
    found = find_tanks(Scene(picture.clip(0.0, 1.0)))
    assert np.hypot(found[0].row - 45, found[0].column - 45) < 4
    square = [disc.clearness for disc in found if np.hypot(disc.row - 117, disc.column - 117) < 8]
    assert not square or square[0] < 0.7 * found[0].clearness
