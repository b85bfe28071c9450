"""What is left of a removed building: neither roof nor shadow, only the ground of the place."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.building_sites import likeness_to_house
from comfyui_sinddm_rs.guidance.events.patching import fill
from comfyui_sinddm_rs.guidance.events.removed_buildings import REMOVED_BUILDINGS
from comfyui_sinddm_rs.guidance.events.scene import Scene
from scipy import ndimage

SIZE = 160


def house() -> tuple[Scene, np.ndarray, np.ndarray]:
    """A gable roof on a lawn with its shadow; where the roof is and where the shadow."""
    rows, columns = np.indices((SIZE, SIZE)) - SIZE // 2
    grass = 0.03 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 1)) + np.array([0.36, 0.47, 0.28])
    roof = (np.abs(rows) < 22) & (np.abs(columns) < 30)
    shadow = (np.abs(rows - 9) < 22) & (np.abs(columns - 9) < 30) & ~roof
    rgb = np.where(shadow[..., None], [0.10, 0.12, 0.11], grass)
    rgb = np.where(roof[..., None], np.where(rows[..., None] < 0, [0.62, 0.56, 0.52], [0.50, 0.45, 0.42]), rgb)
    return Scene(ndimage.gaussian_filter(rgb, (0.6, 0.6, 0)).clip(0, 1).astype(np.float32)), roof, shadow


@pytest.mark.parametrize("seed", range(3))
def test_roof_and_shadow_are_gone_and_nothing_else_changes(seed: int):
    scene, roof, shadow = house()
    area = np.zeros((SIZE, SIZE), np.float32)
    area[20:-20, 20:-20] = 1.0
    drawing = REMOVED_BUILDINGS.draw(scene, area, 0.2, np.random.default_rng(seed))
    luminance = Scene(drawing.image).luminance
    lawn = ~ndimage.binary_dilation(roof | shadow, iterations=18)
    level = float(scene.luminance[lawn].mean())
    assert (drawing.mask[roof] > 0.5).mean() > 0.97
    assert (luminance[shadow] > 0.7 * level).mean() > 0.97
    assert 0.8 * level < luminance[roof].mean() < 1.35 * level
    assert (drawing.mask[lawn] == 0.0).all()


def test_the_filling_has_the_texture_of_its_surroundings():
    scene, roof, shadow = house()
    hole = ndimage.binary_dilation(roof | shadow, iterations=2)
    usable = ~ndimage.binary_dilation(hole, iterations=2)
    filled = fill(scene.rgb, hole, usable, usable, 12, np.random.default_rng(0))
    inner = ndimage.binary_erosion(hole, iterations=3)
    assert np.allclose(filled[inner].mean(0), scene.rgb[usable].mean(0), atol=0.02)
    assert 0.75 < filled[inner].std() / scene.rgb[usable].std() < 1.25
    assert (filled[~hole] == scene.rgb[~hole]).all()


def test_a_road_is_no_house():
    part = np.zeros((80, 80), bool)
    part[30:50, 28:55] = True
    road = np.zeros((80, 80), bool)
    road[36:44] = True
    assert likeness_to_house(part) > 0.9
    assert likeness_to_house(road) < 0.4
