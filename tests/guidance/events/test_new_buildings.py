"""What new buildings must keep to: dry open ground, the directions of the place, and the sun."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.building_plan import plan, straight_direction
from comfyui_sinddm_rs.guidance.events.building_shapes import Building, cast_shadows, lay_roofs
from comfyui_sinddm_rs.guidance.events.new_buildings import NEW_BUILDINGS
from comfyui_sinddm_rs.guidance.events.scene import Scene
from scipy import ndimage

SIZE = 192


def fields(degrees: float = 0.0, lake: bool = False) -> Scene:
    """A field of rows that run at ``degrees``, perhaps with a lake over its right half."""
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32)
    across = rows * np.cos(np.deg2rad(degrees)) - columns * np.sin(np.deg2rad(degrees))
    noise = np.random.default_rng(0).standard_normal((SIZE, SIZE, 1))
    crop = np.array([0.46, 0.50, 0.33]) * (1.0 + 0.12 * np.sin(across / 1.6))[..., None] + 0.02 * noise
    if lake:
        crop = np.where((columns > 96)[..., None], np.array([0.13, 0.19, 0.27]) + 0.002 * noise, crop)
    return Scene(ndimage.gaussian_filter(crop, (0.5, 0.5, 0)).clip(0, 1).astype(np.float32))


def full() -> np.ndarray:
    return np.ones((SIZE, SIZE), np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_built_on_water(seed: int):
    scene = fields(lake=True)
    lake = scene.water > 0.7
    assert 0.4 < lake.mean() < 0.6
    built = plan(scene, full(), False, 24.0, np.random.default_rng(seed)).buildings
    assert built
    _, cover = lay_roofs(built, scene.sun, scene.shape)
    assert cover[lake].max() == 0.0 and cover.sum() > 100.0
    assert (NEW_BUILDINGS.draw(scene, full(), 0.7, np.random.default_rng(seed)).mask > 0.5)[lake].mean() < 0.03


@pytest.mark.parametrize("degrees", [0.0, 20.0, 65.0])
def test_they_stand_in_line_with_the_rows_of_the_field(degrees: float):
    scene = fields(degrees)
    dy, dx = straight_direction(scene)
    assert abs((np.rad2deg(np.arctan2(dy, dx)) - degrees + 45.0) % 90.0 - 45.0) < 3.0
    for building in plan(scene, full(), False, 24.0, np.random.default_rng(1)).buildings:
        assert abs(abs(building.ridge[0] * dx - building.ridge[1] * dy) - 0.5) > 0.499


def test_the_face_towards_the_sun_is_bright_and_the_shadow_falls_behind():
    house = Building((60.0, 60.0), (0.0, 1.0), 20.0, 14.0, 10.0, 0.5, False, np.full(3, 0.5, np.float32), 3)
    sun = (1.0, 0.0)
    colour, cover = lay_roofs([house], sun, (120, 120))
    assert colour[49:57, 45:76].mean() > 1.3 * colour[64:72, 45:76].mean()
    shadow = cast_shadows([house], sun, (120, 120)) * (1.0 - cover)
    assert shadow[77:82, 50:70].min() > 0.9 and shadow[:45].max() == 0.0
