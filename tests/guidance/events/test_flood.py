"""What tells a flood from a wide river: the old bed shows, the drowned field shows, and unlikely rivers are found."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.flood import FLOOD, _under_water
from comfyui_sinddm_rs.guidance.events.flood_ground import thrown_shadows
from comfyui_sinddm_rs.guidance.events.scene import Scene
from scipy import ndimage

SIZE = 192
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def valley(river: bool = True) -> tuple[Scene, np.ndarray]:
    """Fields with furrows and, on the left, a green river that no rule calls water; where the river is."""
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32)
    rng = np.random.default_rng(0)
    rough = ndimage.gaussian_filter(rng.standard_normal((SIZE, SIZE)), 1.0)[..., None]
    furrows = 0.06 * np.sin(2 * np.pi * rows / 8.0)[..., None]
    rgb = np.array([0.50, 0.47, 0.36]) + furrows + 0.08 * rough
    bed = (np.abs(columns - 40 - 8 * np.sin(rows / 40)) < 18) & river
    rgb = np.where(bed[..., None], np.array([0.30, 0.36, 0.24]) + 0.01 * rough, rgb)
    return Scene(ndimage.gaussian_filter(rgb, (0.5, 0.5, 0)).clip(0, 1).astype(np.float32)), bed


def everywhere(scene: Scene) -> np.ndarray:
    return np.ones(scene.shape, np.float32)


def test_a_green_river_is_found_and_fields_are_none():
    scene, bed = valley()
    found = scene.named_water > 0.5
    assert (found & bed).sum() / (found | bed).sum() > 0.85
    fields, _ = valley(river=False)
    assert fields.named_water.mean() < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_the_old_river_shows_as_deeper_water(seed: int):
    scene, bed = valley()
    drawing = FLOOD.draw(scene, everywhere(scene), 0.5, np.random.default_rng(seed))
    light = drawing.image @ LUMINANCE
    flooded = (drawing.mask > 0.8) & ~ndimage.binary_dilation(bed, iterations=10)
    middle = ndimage.binary_erosion(bed, iterations=8)
    assert flooded.mean() > 0.1 and (drawing.mask[middle] > 0.5).mean() > 0.9
    assert light[middle].mean() < 0.97 * light[flooded].mean()


@pytest.mark.parametrize("seed", range(4))
def test_the_drowned_field_shows_faintly(seed: int):
    scene, bed = valley()
    drawing = FLOOD.draw(scene, everywhere(scene), 0.5, np.random.default_rng(seed))
    flooded = (drawing.mask > 0.95) & ~ndimage.binary_dilation(bed, iterations=10)
    detail = [each - ndimage.gaussian_filter(each, 4.0) for each in (drawing.image @ LUMINANCE, scene.luminance)]
    gain = float(np.polyfit(detail[1][flooded], detail[0][flooded], 1)[0])
    assert 0.05 < gain < 0.6


def test_shadows_of_trees_flood_and_stay_a_little_darker():
    scene, _ = valley(river=False)
    rgb = scene.rgb.copy()
    shadow = np.zeros(scene.shape, bool)
    shadow[80:100, 90:130] = True
    rgb[shadow] = np.array([0.13, 0.13, 0.14])
    shaded = Scene(rgb)
    core = ndimage.binary_erosion(shadow, iterations=4)
    assert (thrown_shadows(shaded, shaded.named_water)[core] > 0.5).mean() > 0.9
    drawing = FLOOD.draw(shaded, everywhere(shaded), 0.95, np.random.default_rng(0))
    water = (drawing.mask > 0.9) & ~ndimage.binary_dilation(shadow, iterations=6)
    light = drawing.image @ LUMINANCE
    assert (drawing.mask[core] > 0.5).mean() > 0.9
    assert 0.55 < light[core].mean() / light[water].mean() < 0.97


def test_low_land_that_the_river_does_not_reach_stays_dry_unless_it_is_large():
    river = np.zeros((200, 200), np.float32)
    river[90:110] = 1.0
    depth = np.where(river > 0.5, 0.1, -0.1).astype(np.float32)
    depth[110:130, 40:80] = 0.05  # at the river
    depth[20:30, 20:30] = 0.05  # a hollow
    depth[150:190, 100:160] = 0.05  # a plain
    nothing = np.zeros_like(river)
    under = _under_water(depth, river, nothing)
    assert under[120, 60] and under[170, 130] and not under[25, 25]
    assert _under_water(depth, nothing, nothing)[25, 25]  # without a river, rain stands where it is low
