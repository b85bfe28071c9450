"""What cracks in a tank must be: thin, without halos, no darker than the scene's shadows, and still seen."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.cracks import CRACKS
from comfyui_sinddm_rs.guidance.events.likeness import black_level
from comfyui_sinddm_rs.guidance.events.scene import Scene
from scipy import ndimage

SIZE = 256


def tank() -> Scene:
    """A white round tank with its shadow on grey ground."""
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32) - SIZE / 2
    grain = 0.015 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 1))
    rgb = np.where((np.hypot(rows - 20, columns - 20) < 62)[..., None], 0.16, np.array([0.45, 0.43, 0.40]) + grain)
    rgb = np.where((np.hypot(rows, columns) < 60)[..., None], 0.82 + grain, rgb)
    return Scene(ndimage.gaussian_filter(rgb, (0.5, 0.5, 0)).clip(0, 1).astype(np.float32))


def region() -> np.ndarray:
    area = np.zeros((SIZE, SIZE), np.float32)
    area[62:194, 62:194] = 1.0
    return area


@pytest.fixture(scope="module")
def scene() -> Scene:
    return tank()


@pytest.mark.parametrize("seed", range(5))
def test_cracks_are_thin_dark_lines_that_can_be_seen(scene: Scene, seed: int):
    drawing = CRACKS.draw(scene, region(), 0.5, np.random.default_rng(seed))
    light = drawing.image.mean(-1)
    crack = light < 0.8 * scene.rgb.mean(-1)
    assert crack.sum() > 120
    # Three pixels across is a river drawn with a pen.
    assert ndimage.binary_erosion(crack, np.ones((3, 3))).sum() < 0.08 * crack.sum()
    rows, columns = np.nonzero(crack)
    # Half across the tank: a plate that breaks does not break in a corner.
    assert max(np.ptp(rows), np.ptp(columns)) > 60
    assert (drawing.image[crack].min(0) > black_level(scene) - 0.05).all()


def test_cracks_of_a_dark_surface_are_paler_than_it():
    rgb = tank().rgb
    dark = Scene(np.where(rgb > 0.6, 0.15 * rgb, rgb).astype(np.float32))
    for seed in range(3):
        drawing = CRACKS.draw(dark, region(), 0.5, np.random.default_rng(seed))
        assert (drawing.image.mean(-1) > dark.rgb.mean(-1) + 0.06).sum() > 100


@pytest.mark.parametrize("seed", range(5))
def test_cracks_have_no_halo(scene: Scene, seed: int):
    drawing = CRACKS.draw(scene, region(), 0.5, np.random.default_rng(seed))
    change = (drawing.image - scene.rgb).mean(-1)
    away = ndimage.distance_transform_edt(change > -0.2)
    assert (away == 0.0).any()
    assert np.abs(change[(away > 2.5) & (away < 6.0)]).mean() < 0.02


def test_cracks_stay_on_the_tank(scene: Scene):
    rows, columns = np.indices(scene.shape, dtype=np.float32) - SIZE / 2
    outside = np.hypot(rows, columns) > 62
    for seed in range(3):
        drawing = CRACKS.draw(scene, region(), 1.0, np.random.default_rng(seed))
        assert (drawing.mask[outside] > 0.1).sum() == 0
