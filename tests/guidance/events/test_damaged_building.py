"""What a torn roof must show: an opening along the roof's own edges, dark, and within the scene's range."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.damaged_building import DAMAGED_BUILDING
from comfyui_sinddm_rs.guidance.events.likeness import edge_softness
from comfyui_sinddm_rs.guidance.events.roof_opening import opening, rafters
from comfyui_sinddm_rs.guidance.events.roofs import LUMINANCE, Roof, daylight, find_roof
from comfyui_sinddm_rs.guidance.events.scene import Scene
from scipy import ndimage

SIZE = 160


def house(degrees: float = 0.0) -> tuple[Scene, np.ndarray]:
    """A gable roof of two planes on a lawn, turned by ``degrees``, with the shadow it throws; where it is."""
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32) - SIZE / 2
    angle = np.deg2rad(degrees)
    u, v = columns * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - columns * np.sin(angle)
    grass = 0.03 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 1)) + np.array([0.36, 0.47, 0.28])
    rgb = np.where(((np.abs(u - 8) < 42) & (np.abs(v - 8) < 30))[..., None], 0.12, grass)
    roof = (np.abs(u) < 42) & (np.abs(v) < 30)
    rgb = np.where(roof[..., None], np.where(v[..., None] < 0, [0.62, 0.56, 0.52], [0.50, 0.45, 0.42]), rgb)
    return Scene(ndimage.gaussian_filter(rgb, (0.6, 0.6, 0)).clip(0, 1).astype(np.float32)), roof


def region(margin: int = 24) -> np.ndarray:
    area = np.zeros((SIZE, SIZE), np.float32)
    area[margin:-margin, margin:-margin] = 1.0
    return area


def found(scene: Scene, seed: int = 0) -> Roof:
    roof = find_roof(scene, region(), np.random.default_rng(seed))
    assert roof is not None
    return roof


@pytest.mark.parametrize("degrees", [0.0, 17.0, 33.0, -25.0])
def test_the_frame_follows_ridge_and_eaves(degrees: float):
    scene, _ = house(degrees)
    off = (np.rad2deg(found(scene).axis) - degrees + 45.0) % 90.0 - 45.0
    assert abs(off) < 4.0


def test_the_roof_is_found_without_its_shadow():
    scene, roof = house(17.0)
    mask = np.zeros_like(roof)
    cut = found(scene)
    mask[cut.window] = cut.mask
    assert (mask & roof).sum() / (mask | roof).sum() > 0.8


def test_the_opening_has_the_share_asked_for_and_grows_with_it():
    scene, _ = house()
    roof = found(scene)
    shares = [float((opening(roof, share, np.random.default_rng(2))[0] > 0.5).sum()) for share in (0.1, 0.3, 0.6)]
    wanted = [share * roof.mask.sum() for share in (0.1, 0.3, 0.6)]
    assert np.allclose(shares, wanted, rtol=0.2)


def test_the_outline_of_the_opening_runs_along_the_roof():
    scene, _ = house(25.0)
    roof = found(scene)
    aligned = []
    for seed in range(4):
        gone, _ = opening(roof, 0.3, np.random.default_rng(seed))
        gy, gx = np.gradient(ndimage.gaussian_filter(gone, 1.0))
        angle = np.rad2deg(np.arctan2(gy, gx) - roof.axis)
        off = np.abs((angle + 45.0) % 90.0 - 45.0)
        aligned.append(np.average(off < 20.0, weights=np.hypot(gy, gx)))
    assert np.mean(aligned) > 0.6  # chance gives 0.44


def test_rafters_are_straight_and_parallel():
    scene, _ = house(25.0)
    roof = found(scene)
    gone, _ = opening(roof, 0.4, np.random.default_rng(1))
    gy, gx = np.gradient(ndimage.gaussian_filter(rafters(roof, np.ones_like(gone), np.random.default_rng(1)), 0.7))
    turn = np.angle(((gx + 1j * gy) ** 2).sum()) / 2 - roof.axis
    assert abs(np.sin(turn)) < 0.1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_opening_is_dark_and_nothing_leaves_the_range_of_the_scene(seed: int):
    scene, roof = house(17.0)
    drawing = DAMAGED_BUILDING.draw(scene, region(), 0.5, np.random.default_rng(seed))
    changed = drawing.mask > 0.5
    luminance = drawing.image @ LUMINANCE
    light = daylight(scene)
    assert luminance[changed].min() > light.dark - 0.06
    # But for the noise of the sensor.
    assert np.quantile(luminance[changed], 0.99) < light.bright + 0.06
    assert np.median(luminance[changed & roof]) < np.median(scene.luminance[roof]) - 0.06


def test_detail_is_no_sharper_than_the_scene():
    scene, _ = house(17.0)
    soft = Scene(ndimage.gaussian_filter(scene.rgb, (1.6, 1.6, 0)).astype(np.float32))
    assert edge_softness(soft.luminance) > edge_softness(scene.luminance) + 0.2
    drawings = [DAMAGED_BUILDING.draw(s, region(), 0.5, np.random.default_rng(0)) for s in (scene, soft)]
    steepest = [np.quantile(np.hypot(*np.gradient(d.image @ LUMINANCE))[d.mask > 0.3], 0.98) for d in drawings]
    assert steepest[1] < 0.8 * steepest[0]


def test_some_of_it_lies_on_the_ground_beside_the_house():
    scene, roof = house()
    beside = ~ndimage.binary_dilation(roof, iterations=2)
    shares = []
    for severity in (0.2, 0.9):
        drawings = [DAMAGED_BUILDING.draw(scene, region(8), severity, np.random.default_rng(k)) for k in range(4)]
        shares.append(np.mean([(d.mask > 0.4)[beside].sum() / (d.mask > 0.4).sum() for d in drawings]))
    assert shares[0] > 0.0 and shares[1] < 0.4
