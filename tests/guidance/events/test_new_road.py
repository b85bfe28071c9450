"""What a new road must show: a way through its whole area, of one width, that shuns roofs and water."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.new_road import NEW_ROAD, find_route
from comfyui_sinddm_rs.guidance.events.scene import Scene
from scipy import ndimage

SIZE = 160


def meadow(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((SIZE, SIZE, 1))
    return np.array([0.50, 0.56, 0.34]) * (1.0 + 0.05 * ndimage.gaussian_filter(noise, (1, 1, 0)) / 0.28)


def scene_of(rgb: np.ndarray) -> Scene:
    return Scene(np.clip(rgb, 0.0, 1.0).astype(np.float32))


@pytest.mark.parametrize("seed", range(4))
def test_it_connects_two_borders_of_its_area(seed: int):
    scene, area = scene_of(meadow()), np.zeros((SIZE, SIZE), np.float32)
    area[20:140, 30:150] = 1.0
    drawing = NEW_ROAD.draw(scene, area, 0.5, np.random.default_rng(seed))
    parts, _ = ndimage.label(drawing.mask > 0.5)
    road = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    rows, columns = np.nonzero(road)
    reached = [rows.min() < 26, rows.max() > 133, columns.min() < 36, columns.max() > 143]
    assert sum(reached) >= 2


@pytest.mark.parametrize("seed", range(4))
def test_its_surface_is_grey_and_of_one_width(seed: int):
    scene, area = scene_of(meadow()), np.ones((SIZE, SIZE), np.float32)
    route = find_route(scene, area, 0.08 * SIZE, np.random.default_rng(seed))
    drawing = NEW_ROAD.draw(scene, area, 0.5, np.random.default_rng(seed))
    along, beside = route.frame(scene.shape)
    surface = np.abs(beside) < 2.5
    assert np.ptp(np.median(drawing.image[surface], axis=0)) < 0.06
    asphalt = np.ptp(drawing.image, axis=-1) < 0.07
    places = [(np.abs(along - at) < 6.0) & (np.abs(beside) < 12.0) for at in range(-100, 101, 20)]
    widths = [asphalt[place].mean() for place in places if place.sum() > 270]
    assert len(widths) > 2
    assert max(widths) < 1.3 * min(widths)


def test_it_goes_around_houses():
    rgb = meadow()
    for top in (40, 75):
        rgb[top : top + 24, 60:100] = (0.75, 0.62, 0.58)
    scene = scene_of(rgb)
    roofs = ndimage.binary_erosion(scene.roofs > 0.5, iterations=2)
    assert roofs.sum() > 500
    for seed in range(4):
        drawing = NEW_ROAD.draw(scene, np.ones((SIZE, SIZE), np.float32), 0.5, np.random.default_rng(seed))
        assert (drawing.mask > 0.5)[roofs].mean() < 0.05
