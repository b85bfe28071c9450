"""Where smoke drifts."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.scene import Scene
from comfyui_sinddm_rs.guidance.events.smoke import wind_from

SIDE = 80
AREA = np.ones((SIDE, SIDE), np.float32)


def source(row: int, column: int) -> np.ndarray:
    values = np.zeros((SIDE, SIDE), np.float32)
    values[row - 3 : row + 4, column - 3 : column + 4] = 1.0
    return values


def scene(wind: float | None) -> Scene:
    return Scene(np.full((SIDE, SIDE, 3), 0.4, np.float32), wind)


@pytest.mark.parametrize("wind", [-3.0, -1.2, 0.4, 2.5])
def test_from_the_middle_smoke_drifts_with_the_scenes_wind(wind: float) -> None:
    for seed in range(3):
        found = wind_from(scene(wind), source(40, 40), AREA, np.random.default_rng(seed))
        assert found == pytest.approx((np.sin(wind), np.cos(wind)), abs=0.05)


def test_from_the_border_it_drifts_inwards_whatever_the_wind() -> None:
    for wind in np.linspace(-3, 3, 9):
        _, east = wind_from(scene(float(wind)), source(40, 4), AREA, np.random.default_rng(0))
        assert east > 0.6


def test_without_a_wind_each_drawing_has_its_own() -> None:
    ways = {wind_from(scene(None), source(40, 40), AREA, np.random.default_rng(seed)) for seed in range(4)}
    assert len(ways) == 4
