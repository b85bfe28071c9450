"""What every renderer promises, whatever it draws."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events import EVENTS, Event, Scene
from scipy import ndimage

every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
SIZES = [(32, 32), (37, 61), (256, 256), (512, 300)]


def landscape(height: int, width: int, seed: int = 0) -> Scene:
    """Woods in the upper left, a river on the right, a meadow and a few roofs: something for every event."""
    rng = np.random.default_rng(seed)

    def clumps(size):
        field = ndimage.gaussian_filter(rng.standard_normal((height, width)), size, mode="wrap")
        return (field / field.std()).astype(np.float32)[..., None]

    rows, columns = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    crowns = np.array([0.20, 0.32, 0.17]) * (1.0 + 0.35 * clumps(2.0) + 0.10 * clumps(0.7))
    meadow = np.array([0.52, 0.55, 0.36]) * (1.0 + 0.05 * clumps(1.0))
    water = np.array([0.17, 0.22, 0.26]) + 0.004 * clumps(0.7)
    rgb = np.where((rows + columns < 0.95)[..., None], crowns, meadow)
    rgb = np.where((np.abs(columns - 0.80 - 0.06 * np.sin(6 * rows)) < 0.11)[..., None], water, rgb)
    for top, left in ((0.55, 0.35), (0.75, 0.15), (0.78, 0.45)):
        roof = (np.abs(rows - top) < 0.07) & (np.abs(columns - left) < 0.09)
        rgb[roof] = (0.72, 0.66, 0.62)
        rgb[roof & (rows > top)] = (0.55, 0.50, 0.47)
    return Scene(np.clip(rgb, 0.0, 1.0).astype(np.float32))


def full(scene: Scene) -> np.ndarray:
    return np.ones(scene.shape, np.float32)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return landscape(160, 160)


@every_event
def test_describes_itself(event: Event):
    assert event.name.isidentifier() and event.name == event.name.lower()
    assert len(event.phrases) >= 8 and len(set(event.phrases)) == len(event.phrases)
    assert all(phrase and len(phrase) < 80 for phrase in event.phrases)
    assert 0.0 < event.typical_share <= 1.0
    assert isinstance(event.local, bool)


def test_names_and_phrases_are_unique():
    assert len({event.name for event in EVENTS}) == len(EVENTS)
    phrases = [phrase.lower() for event in EVENTS for phrase in event.phrases]
    assert len(set(phrases)) == len(phrases)


@every_event
def test_suitability_is_a_soft_map(event: Event, scene: Scene):
    fit = event.suitability(scene)
    assert fit.shape == scene.shape and fit.dtype == np.float32
    assert np.isfinite(fit).all() and fit.min() >= 0.0 and fit.max() <= 1.0


@every_event
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("severity", [0.0, 0.5, 1.0])
def test_draws_finite_values_at_any_size(event: Event, size: tuple[int, int], severity: float):
    scene = landscape(*size)
    drawing = event.draw(scene, full(scene), severity, np.random.default_rng(3))
    assert drawing.image.shape == (*size, 3) and drawing.image.dtype == np.float32
    assert drawing.mask.shape == size and drawing.mask.dtype == np.float32
    for values in (drawing.image, drawing.mask):
        assert np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= 1.0


@every_event
def test_changes_something_and_only_where_the_mask_says(event: Event, scene: Scene):
    drawing = event.draw(scene, full(scene), 0.5, np.random.default_rng(0))
    same = (drawing.image == scene.rgb).all(-1)
    assert (same == (drawing.mask == 0.0)).all()
    assert drawing.mask.mean() > 0.001
    assert np.abs(drawing.image - scene.rgb)[drawing.mask > 0.5].mean() > 0.03


@every_event
def test_stays_inside_the_area(event: Event, scene: Scene):
    area = np.zeros(scene.shape, np.float32)
    area[10:100, 20:120] = 1.0
    drawing = event.draw(scene, area, 0.8, np.random.default_rng(1))
    assert (drawing.mask[area == 0.0] == 0.0).all()
    assert (drawing.image[area == 0.0] == scene.rgb[area == 0.0]).all()
    assert drawing.mask.max() > 0.2


@every_event
def test_an_empty_area_changes_nothing(event: Event, scene: Scene):
    drawing = event.draw(scene, np.zeros(scene.shape, np.float32), 0.5, np.random.default_rng(0))
    assert (drawing.image == scene.rgb).all() and (drawing.mask == 0.0).all()


@every_event
def test_same_seed_same_bytes_without_global_randomness(event: Event, scene: Scene):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first = event.draw(scene, full(scene), 0.5, np.random.default_rng(7))
    second = event.draw(Scene(scene.rgb.copy()), full(scene), 0.5, np.random.default_rng(7))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.mask.tobytes() == second.mask.tobytes()
    assert (np.random.get_state()[1] == before).all()


@every_event
def test_another_seed_draws_something_else(event: Event, scene: Scene):
    first, second = (event.draw(scene, full(scene), 0.5, np.random.default_rng(seed)) for seed in (0, 1))
    changed = np.abs(first.image - second.image).max(-1) > 0.02
    assert changed.sum() > 0.15 * np.maximum(first.mask, second.mask).sum()


@every_event
def test_severity_grows_the_change(event: Event, scene: Scene):
    def changed(severity: float) -> float:
        drawings = [event.draw(scene, full(scene), severity, np.random.default_rng(seed)) for seed in range(4)]
        return float(np.mean([np.abs(d.image - scene.rgb).mean() for d in drawings]))

    low, middle, high = changed(0.1), changed(0.5), changed(0.95)
    assert low < middle < high


@every_event
def test_the_source_is_left_alone(event: Event):
    scene = landscape(64, 64)
    rgb, area = scene.rgb.copy(), full(scene)
    event.draw(scene, area, 0.5, np.random.default_rng(0))
    assert (scene.rgb == rgb).all() and (area == 1.0).all()


@every_event
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_survives_a_scene_of_one_colour(event: Event, level: float):
    scene = Scene(np.full((48, 48, 3), level, np.float32))
    drawing = event.draw(scene, full(scene), 0.5, np.random.default_rng(0))
    assert np.isfinite(drawing.image).all() and np.isfinite(drawing.mask).all()
