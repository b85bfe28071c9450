"""Where a river is seen by a text that says there is one."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.rivers import WATER, likeliest_water
from comfyui_sinddm_rs.guidance.events.scene import Scene
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image
from scipy import ndimage

SIDE = 160


def bank(seed: int = 0) -> np.ndarray:
    """Rough woods."""
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((SIDE, SIDE, 1)), (1.2, 1.2, 0.0))
    return (np.array([0.32, 0.38, 0.27]) * (1.0 + 0.25 * rough / rough.std())).clip(0.0, 1.0).astype(np.float32)


def with_river(colour: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices((SIDE, SIDE), dtype=np.float32)
    bed = np.abs(columns - 70.0 - 14.0 * np.sin(rows / 30.0)) < 17.0
    waves = 0.006 * np.random.default_rng(1).standard_normal((SIDE, SIDE, 1))
    picture = np.where(bed[..., None], np.array(colour) + waves, bank())
    return ndimage.gaussian_filter(picture, (0.6, 0.6, 0.0)).astype(np.float32), bed


COLOURS = {"green": (0.28, 0.34, 0.24), "brown": (0.36, 0.31, 0.24), "dark": (0.12, 0.13, 0.13)}


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
def test_a_river_of_any_colour_is_found(colour: tuple[float, float, float]) -> None:
    picture, bed = with_river(colour)
    found = likeliest_water(picture)
    assert found is not None
    assert np.count_nonzero(found & bed) / np.count_nonzero(found | bed) > 0.7


def test_woods_alone_are_no_water() -> None:
    assert likeliest_water(bank()) is None


def test_an_even_picture_has_no_water() -> None:
    assert likeliest_water(np.full((64, 64, 3), 0.4, np.float32)) is None


@pytest.mark.parametrize("name", ["river", "coast"])
def test_what_the_scene_is_sure_of_stays_water(name: str) -> None:
    with Image.open(scene_path(name)) as picture:
        scene = Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)
    sure = scene.water > 0.5
    assert np.count_nonzero(sure & (scene.named_water > 0.5)) > 0.9 * np.count_nonzero(sure)


def test_a_likelihood_is_a_share() -> None:
    typical = {name: mean for name, (_, mean, _) in WATER.weights.items()}
    assert WATER.likelihood(typical) == pytest.approx(1.0 / (1.0 + np.exp(-WATER.start)))
    assert 0.0 < WATER.likelihood(dict.fromkeys(WATER.weights, 1e9)) < 1.0
