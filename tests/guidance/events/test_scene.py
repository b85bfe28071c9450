"""What the scene maps say of drawn landscapes whose content is known, and of real scenes where at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.objects import find_target
from comfyui_sinddm_rs.guidance.events.regions import cluster_centres, nearest_centre, object_within
from comfyui_sinddm_rs.guidance.events.scene import Scene
from PIL import Image
from scipy import ndimage

MAPS = ("vegetation", "trees", "water", "built", "bare", "roofs", "low")


def ground(size: int, seed: int = 0) -> np.ndarray:
    """Rough dry ground [size, size, 3]."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((size, size)), 1.0)
    return np.clip(np.array([0.52, 0.47, 0.40]) + 0.12 * (noise / noise.std())[..., None], 0, 1).astype(np.float32)


def river_scene(size: int = 128) -> tuple[Scene, np.ndarray]:
    rgb = ground(size)
    rows, columns = np.indices((size, size))
    river = np.abs(columns - 0.5 * size - 0.1 * size * np.sin(6 * rows / size)) < 0.12 * size
    rgb[river] = (0.16, 0.21, 0.24)
    return Scene(rgb), river


def roof_scene(size: int = 128) -> tuple[Scene, np.ndarray]:
    rgb = ground(size) * np.array([0.7, 1.0, 0.6], np.float32)
    roof = np.zeros((size, size), bool)
    roof[size // 4 : size // 2, size // 4 : 3 * size // 4] = True
    rgb[roof] = (0.70, 0.32, 0.22)
    return Scene(rgb), roof


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sum(found & truth) / np.sum(found | truth))


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("size", [(32, 32), (37, 61), (200, 130), (300, 520)], ids=str)
def test_maps_are_finite_soft_maps_at_any_size(name: str, size: tuple[int, int]):
    values = getattr(Scene(ground(520)[: size[0], : size[1]]), name)
    assert values.shape == size and values.dtype == np.float32
    assert np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= 1.0


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_an_even_picture_has_maps_too(value: float):
    scene = Scene(np.full((40, 40, 3), value, np.float32))
    for name in MAPS:
        assert np.isfinite(getattr(scene, name)).all()
    assert np.isfinite(scene.grain) and np.isclose(np.hypot(*scene.sun), 1.0)


@pytest.mark.parametrize("size", [96, 128, 400])
def test_finds_a_river_and_nothing_else(size: int):
    scene, river = river_scene(size)
    assert overlap(scene.water > 0.5, river) > 0.8


def test_rough_ground_and_lawn_are_no_water():
    assert Scene(ground(128)).water.max() == 0.0
    lawn = np.full((128, 128, 3), (0.35, 0.50, 0.32), np.float32)
    lawn[:40] = ground(128)[:40]
    assert Scene(lawn).water.max() == 0.0


def test_ground_rises_from_the_water_and_roofs_stand_out():
    scene, river = river_scene()
    assert scene.ground_height[river].mean() <= 0.01
    assert scene.low[river].mean() > 0.9
    assert scene.low[:, :8].mean() < 0.5


def test_finds_a_roof():
    scene, roof = roof_scene()
    assert overlap(scene.roofs > 0.5, roof) > 0.7


def test_finds_the_object_in_a_larger_rectangle():
    scene, roof = roof_scene()
    area = np.zeros(scene.shape, np.float32)
    area[20:80, 16:112] = 1.0
    assert overlap(object_within(scene.rgb, area, scene.vegetation), roof) > 0.75
    target = find_target(scene, area, np.random.default_rng(0))
    assert overlap(target.mask, roof) > 0.75
    # The roof is wider than high: its long axis is horizontal.
    along = target.along[roof].reshape(32, 64)
    assert abs(along[0, -1] - along[0, 0]) > 3 * abs(along[-1, 0] - along[0, 0])


def test_an_empty_area_holds_no_object():
    scene, _ = roof_scene()
    assert not find_target(scene, np.zeros(scene.shape, np.float32), np.random.default_rng(0)).mask.any()


def test_clusters_part_two_colours():
    points = np.array([[0.1, 0, 0]] * 50 + [[0.9, 0, 0]] * 50, np.float32)
    labels = nearest_centre(points, cluster_centres(points, 2))
    assert len(set(labels[:50])) == 1 and len(set(labels[50:])) == 1 and labels[0] != labels[-1]


SCENES = Path(os.environ.get("SINDDM_RS_SCENES", Path(__file__).parents[4] / "shared" / "data" / "scenes"))


@pytest.mark.skipif(not SCENES.is_dir(), reason="the folder of real scenes is not here")
@pytest.mark.parametrize(
    ("file", "least", "most"),
    [
        ("river_marsh_usgs.png", 0.10, 0.20),
        ("river_bend_usgs.png", 0.22, 0.36),
        ("ship_moored_usgs.png", 0.35, 0.55),
        ("ship_tankers_planet.png", 0.85, 0.99),
        ("bridge_longbeach.png", 0.25, 0.45),
        ("house_single_usgs.png", 0.0, 0.0),
        ("storagetank_pair_usgs.png", 0.0, 0.0),
        ("storagetank_farm_usgs.png", 0.0, 0.0),
        ("forest_naip.png", 0.0, 0.0),
        ("residential_usgs.png", 0.0, 0.0),
    ],
)
def test_share_of_water_in_real_scenes(file: str, least: float, most: float):
    with Image.open(SCENES / file) as picture:
        rgb = np.asarray(picture.convert("RGB"), np.float32) / 255
    assert least <= float(np.mean(Scene(rgb).water > 0.5)) <= most
