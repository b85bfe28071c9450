"""What a hole in a deck must show: depth in the scene's light, and no more contrast or sharpness than the scene."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.holes import HOLES
from comfyui_sinddm_rs.guidance.events.likeness import black_level
from comfyui_sinddm_rs.guidance.events.scene import Scene
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image
from scipy import ndimage

SIZE = 192
SEEDS = range(6)


def ship(softness: float) -> Scene:
    """A pale ship on dark green water whose shadow falls to the lower right, blurred by ``softness`` pixels."""
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32)
    grain = 0.02 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 1))
    rgb = np.array([0.14, 0.21, 0.19]) + grain
    shadow = (np.abs(rows - 100) < 64) & (np.abs(columns - 100) < 22)
    deck = (np.abs(rows - 94) < 64) & (np.abs(columns - 94) < 22)
    rgb = np.where(shadow[..., None], 0.09, rgb)
    rgb = np.where(deck[..., None], np.array([0.70, 0.66, 0.58]) + grain, rgb)
    return Scene(ndimage.gaussian_filter(rgb, (softness, softness, 0)).clip(0, 1).astype(np.float32))


def region() -> np.ndarray:
    area = np.zeros((SIZE, SIZE), np.float32)
    area[20:172, 62:130] = 1.0
    return area


def luminance(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.299, 0.587, 0.114], np.float32)


@pytest.mark.parametrize("softness", [0.5, 2.2])
def test_holes_are_as_soft_and_no_darker_than_the_scene(softness: float):
    scene = ship(softness)
    steepest = np.quantile(np.hypot(*np.gradient(scene.luminance)), 0.995)
    darkest = float(luminance(black_level(scene)))
    for seed in SEEDS:
        drawing = HOLES.draw(scene, region(), 0.6, np.random.default_rng(seed))
        drawn = drawing.mask > 0.3
        edges = np.hypot(*np.gradient(luminance(drawing.image)))[drawn]
        assert np.quantile(edges, 0.98) < 1.1 * steepest
        assert luminance(drawing.image)[drawn].min() > darkest - 0.06


def test_holes_of_a_sharp_picture_are_sharp_though_their_roof_ends_gently():
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32)
    grain = 0.02 * np.random.default_rng(0).standard_normal((SIZE, SIZE, 1))
    edge = ndimage.gaussian_filter(((np.abs(rows - 94) < 64) & (np.abs(columns - 94) < 28)).astype(np.float32), 3.0)
    rgb = np.array([0.3, 0.3, 0.29]) + grain + 0.45 * edge[..., None]
    scene = Scene(ndimage.gaussian_filter(rgb, (0.4, 0.4, 0)).clip(0, 1).astype(np.float32))
    for seed in SEEDS:
        drawing = HOLES.draw(scene, region(), 0.6, np.random.default_rng(seed))
        edges = np.hypot(*np.gradient(luminance(drawing.image)))[drawing.mask > 0.3]
        assert np.quantile(edges, 0.995) > 0.12


def test_the_far_wall_is_lit():
    scene = ship(0.6)
    dy, dx = scene.sun
    rows, columns = np.indices(scene.shape, dtype=np.float32)
    lit = []
    for seed in SEEDS:
        light = luminance(HOLES.draw(scene, region(), 0.8, np.random.default_rng(seed)).image)
        parts, _ = ndimage.label(ndimage.binary_fill_holes(light < 0.62 * scene.luminance) & (scene.luminance > 0.5))
        for index, size in enumerate(np.bincount(parts.ravel())):
            if index and size > 60:
                at = ndimage.binary_erosion(parts == index)
                lit.append(np.corrcoef((rows * dy + columns * dx)[at], light[at])[0, 1])
    assert len(lit) >= 6 and np.mean(lit) > 0.2


def test_holes_differ_in_size():
    ratios = []
    for seed in SEEDS:
        scene = ship(0.6)
        light = luminance(HOLES.draw(scene, region(), 0.8, np.random.default_rng(seed)).image)
        parts, count = ndimage.label(ndimage.binary_opening(light < 0.5 * scene.luminance))
        sizes = np.bincount(parts.ravel())[1:]
        ratios.append(sizes.max() / np.median(sizes) if count > 1 else 1.0)
    assert np.median(ratios) > 1.5


def test_a_green_deck_is_what_the_region_was_drawn_around() -> None:
    with Image.open(scene_path("ship")) as picture:
        scene = Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)
    area = np.zeros(scene.shape, np.float32)
    area[135:196, 179:240] = 1.0  # the helicopter deck and some water
    drawing = HOLES.draw(scene, area, 0.5, np.random.default_rng(0))
    assert np.mean(luminance(scene.rgb - drawing.image)[area > 0.0] > 0.08) > 0.03
