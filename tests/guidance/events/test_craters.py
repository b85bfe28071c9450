"""What a crater must show: a pit in the scene's light, and earth thrown out on the ground around it."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.craters import CRATERS
from comfyui_sinddm_rs.guidance.events.scene import Scene

SIZE = 160
EVERYWHERE = np.ones((SIZE, SIZE), np.float32)


def paving(fall: int = 1) -> Scene:
    """Warm grey paving, and a bright tank whose shadow falls to the lower right, or with −1 to the upper left."""
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32)
    rgb = np.array([0.46, 0.43, 0.39]) + 0.03 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 1))
    tank, shade = (np.hypot(rows - r, columns - r) < 12 for r in (24, 24 + 8 * fall))
    rgb[shade], rgb[tank] = 0.05, 0.85
    return Scene(rgb.astype(np.float32))


def area() -> np.ndarray:
    region = np.zeros((SIZE, SIZE), np.float32)
    region[50:150, 50:150] = 1.0
    return region


@pytest.mark.parametrize("fall", [1, -1])
def test_the_wall_toward_the_sun_lies_in_shade(fall):
    scene = paving(fall)
    assert (np.sign(scene.sun) == fall).all()
    toward, beyond = [], []
    for seed in range(6):
        drawing = CRATERS.draw(scene, area(), 0.5, np.random.default_rng(seed))
        light = drawing.image.mean(-1)
        rows, columns = np.nonzero(drawing.mask > 0.5)
        away = (rows - np.median(rows)) * scene.sun[0] + (columns - np.median(columns)) * scene.sun[1]
        dark = light[rows, columns] < np.quantile(light[rows, columns], 0.1)
        bright = light[rows, columns] > np.quantile(light[rows, columns], 0.9)
        toward.append(away[dark].mean())
        beyond.append(away[bright].mean())
    assert np.mean(toward) < np.mean(beyond)


def test_earth_lies_on_the_grass_around():
    grass = np.array([0.28, 0.42, 0.2]) + 0.03 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 1))
    for seed in range(4):
        drawing = CRATERS.draw(Scene(grass.astype(np.float32)), area(), 0.5, np.random.default_rng(seed))
        drawn = drawing.mask > 0.3
        assert (drawing.image[..., 0] > drawing.image[..., 1])[drawn].mean() > 0.5


def test_the_more_severe_the_more_is_dug_up():
    shares = [
        np.mean([CRATERS.draw(paving(), area(), severity, np.random.default_rng(s)).mask.mean() for s in range(6)])
        for severity in (0.0, 0.5, 1.0)
    ]
    assert shares[0] < shares[1] < shares[2]


def test_there_are_none_in_the_sea():
    columns = np.indices((SIZE, SIZE))[1]
    sea = np.array([0.06, 0.13, 0.16]) + 0.002 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 3))
    sand = np.array([0.72, 0.62, 0.47]) + 0.02 * np.random.default_rng(1).standard_normal((SIZE, SIZE, 3))
    scene = Scene(np.where((columns < 80)[..., None], sand, sea).astype(np.float32))
    assert scene.water[:, 100:].mean() > 0.9
    for seed in range(4):
        drawing = CRATERS.draw(scene, EVERYWHERE, 1.0, np.random.default_rng(seed))
        assert drawing.mask[:, :80].max() > 0.5 and drawing.mask[:, 90:].max() < 0.2
