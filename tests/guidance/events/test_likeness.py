from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events import likeness, noise
from comfyui_sinddm_rs.guidance.events.scene import Scene


def test_sensor_noise_is_as_strong_as_the_scenes():
    rng = np.random.default_rng(0)
    flat = np.full((100, 100, 3), 0.5, np.float32)
    grainy = flat + 0.02 * rng.standard_normal((100, 100, 1)).astype(np.float32)
    assert likeness.sensor_noise(Scene(flat), rng).std() < 0.002
    assert likeness.sensor_noise(Scene(grainy), rng).std() == pytest.approx(0.02, rel=0.5)


def test_detail_noise_is_as_fine_as_the_scene():
    rng = np.random.default_rng(0)

    def steepness(size):
        base = 0.3 + 0.3 * noise.fractal_noise((128, 128), size, rng, octaves=1)
        field = likeness.detail_noise(Scene(np.repeat(base[..., None], 3, 2)), rng)
        return float(np.abs(np.diff(field, axis=0)).mean() / field.std())

    assert steepness(3) > 1.5 * steepness(12)


def test_finish_keeps_the_scene_where_the_mask_is_empty():
    scene = Scene(np.random.default_rng(0).random((20, 20, 3)).astype(np.float32))
    area = np.ones(scene.shape, np.float32)
    area[:5] = 0.0
    mask = np.full(scene.shape, 0.6, np.float32)
    mask[:, 10:] = 0.005
    drawing = likeness.finish(scene, scene.rgb * 3 - 0.5, mask, area)
    untouched = drawing.mask == 0.0
    assert untouched[:5].all() and untouched[:, 10:].all() and not untouched[5:, :10].any()
    assert (drawing.image[untouched] == scene.rgb[untouched]).all()
    assert drawing.image.min() >= 0.0 and drawing.image.max() <= 1.0
