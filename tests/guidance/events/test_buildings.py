"""Which parts of a picture are taken for roofs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.buildings import (
    LEAST_LIKELIHOOD,
    Building,
    find_buildings,
    roof_likelihood,
)
from comfyui_sinddm_rs.guidance.events.scene import Scene
from comfyui_sinddm_rs.rasters.bundled import roi_path, scene_path
from PIL import Image
from scipy import ndimage

REAL_HOUSE = Path(__file__).resolve().parents[4] / "shared" / "data" / "scenes" / "house_single_usgs.png"


def lawn(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(*shape, 1)), (1.2, 1.2, 0.0))
    return (np.array([0.33, 0.42, 0.25]) + 0.05 * grain / grain.std()).astype(np.float32)


def rectangle(shape: tuple[int, int], box: tuple[float, float, float, float], turn: float) -> np.ndarray:
    """bool [H, W] of a turned rectangle: row, column, half length, half width."""
    y, x = np.indices(shape, dtype=np.float32) - np.array(box[:2], np.float32)[:, None, None]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return np.asarray((np.abs(along) < box[2]) & (np.abs(across) < box[3]))


def with_house(
    picture: np.ndarray, box: tuple[float, float, float, float], turn: float
) -> tuple[np.ndarray, np.ndarray]:
    """A gable roof with a lit and a shaded plane and a shadow below; and where it is."""
    shape = picture.shape[:2]
    roof = rectangle(shape, box, turn)
    shadow = rectangle(shape, (box[0] + 0.4 * box[3], box[1] + 0.3 * box[3], *box[2:]), turn)
    y, x = np.indices(shape, dtype=np.float32) - np.array(box[:2], np.float32)[:, None, None]
    lit = (y * np.cos(turn) - x * np.sin(turn)) < 0.0
    tone = np.where(lit[..., None], np.array([0.62, 0.5, 0.45]), np.array([0.5, 0.39, 0.35]))
    return np.where(roof[..., None], tone, np.where(shadow[..., None], 0.25 * picture, picture)), roof


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.2])
@pytest.mark.parametrize("side", [128, 256, 420])
def test_a_house_is_found_whole(side: int, turn: float) -> None:
    box = (0.45 * side, 0.55 * side, 0.12 * side, 0.08 * side)
    picture, roof = with_house(lawn((side, side)), box, turn)
    (likeliest, *_) = find_buildings(Scene(picture.astype(np.float32)))
    assert overlap(likeliest.mask, roof) > 0.6


def test_houses_are_found_once_each_and_the_road_beside_them_is_none() -> None:
    picture = lawn((256, 256))
    picture[110:135] = 0.55
    picture, first = with_house(picture, (60.0, 70.0, 26.0, 18.0), 0.0)
    picture, second = with_house(picture, (190.0, 160.0, 26.0, 18.0), 0.0)
    found = find_buildings(Scene(picture.astype(np.float32)))
    assert len(found) == 2
    for roof in (first, second):
        assert max(overlap(each.mask, roof) for each in found) > 0.7


@pytest.mark.parametrize("side", [128, 420])
def test_a_roof_is_likelier_one_than_a_part_of_the_lawn(side: int) -> None:
    picture, roof = with_house(lawn((side, side)), (0.3 * side, 0.3 * side, 0.12 * side, 0.08 * side), 0.3)
    scene = Scene(picture.astype(np.float32))
    assert roof_likelihood(scene, roof) > 0.5
    assert roof_likelihood(scene, np.roll(roof, side // 2, axis=(0, 1))) < 0.2
    assert roof_likelihood(scene, np.zeros_like(roof)) == 0.0


def test_how_much_of_an_outline_the_border_cuts() -> None:
    mask = np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True
    assert Building(mask, 1.0).cut == 0.0
    mask[:] = False
    mask[40:60, 1:21] = True  # a finder on a coarser picture may end a little before the border
    assert Building(mask, 1.0).cut == pytest.approx(0.25, abs=0.05)
    assert Building(np.ones((100, 100), bool), 1.0).cut == pytest.approx(1.0)


@pytest.mark.skipif(not REAL_HOUSE.exists(), reason=f"{REAL_HOUSE} is not there")
def test_a_plane_that_looks_like_a_shadow_belongs_to_its_roof() -> None:
    with Image.open(REAL_HOUSE) as picture:
        found = find_buildings(Scene(np.asarray(picture.convert("RGB").resize((256, 256)), np.float32) / 255))
    roof = next(each for each in found if each.mask[145, 100])
    assert roof.mask[128, 118] and roof.likelihood > 0.5  # the shaded plane too


def test_the_bundled_house_comes_first() -> None:
    with Image.open(roi_path("house")) as region:
        inside = np.asarray(region.convert("L")) > 127
    (likeliest, *others) = find_buildings(scene("house"))
    assert np.count_nonzero(likeliest.mask & inside) > 0.9 * np.count_nonzero(likeliest.mask)
    assert all(LEAST_LIKELIHOOD <= each.likelihood <= likeliest.likelihood for each in others)


def test_a_forest_has_no_buildings() -> None:
    assert find_buildings(scene("forest")) == []


def test_an_even_picture_has_no_buildings() -> None:
    assert find_buildings(Scene(np.full((64, 96, 3), 0.5, np.float32))) == []


def scene(name: str) -> Scene:
    with Image.open(scene_path(name)) as picture:
        return Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)
