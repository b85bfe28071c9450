"""The collapsed bridge over land: the right deck, all of its width, its shadow, and the ground that comes to light."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events import Scene, collapsed_bridge
from comfyui_sinddm_rs.guidance.events.bridges import find_deck
from comfyui_sinddm_rs.guidance.events.collapsed_bridge import COLLAPSED_BRIDGE, MOST_GREEN, MOST_GREEN_ROAD
from comfyui_sinddm_rs.guidance.events.deck import Deck
from scipy import ndimage

SIZE = 192
HALF, SHADE = 16.0, 12.0


def offset_from_deck(bend: float) -> np.ndarray:
    """Pixels below the middle line of a deck that runs from left to right, [H, W]."""
    rows, columns = np.indices((SIZE, SIZE), dtype=np.float32)
    return rows - 90.0 - bend * (columns - 96.0) ** 2


def overpass(bend: float = 0.0) -> Scene:
    """Three roads from top to bottom under a deck with bright parapets and a shadow along its upper side."""
    rng = np.random.default_rng(0)
    columns = np.indices((SIZE, SIZE))[1]
    rgb = np.full((SIZE, SIZE, 3), (0.42, 0.44, 0.34), np.float32)
    for middle in (40, 96, 150):
        rgb[np.abs(columns - middle) < 14] = (0.34, 0.34, 0.35)
        rgb[np.abs(columns - middle) < 1] = (0.8, 0.8, 0.8)
    v = offset_from_deck(bend)
    rgb[(v < -HALF) & (v > -HALF - SHADE)] *= 0.25
    rgb[np.abs(v) <= HALF] = (0.56, 0.55, 0.53)
    rgb[(np.abs(v) <= HALF) & (np.abs(v) > HALF - 3)] = (0.75, 0.74, 0.72)
    rgb = ndimage.gaussian_filter(rgb, (0.7, 0.7, 0)) + rng.normal(0.0, 0.012, rgb.shape)
    return Scene(np.clip(rgb, 0.0, 1.0).astype(np.float32))


def whole(scene: Scene) -> np.ndarray:
    return np.ones(scene.shape, np.float32)


@pytest.mark.parametrize("bend", [0.0, 0.0012])
def test_finds_the_deck_and_not_the_roads_below(bend: float):
    scene = overpass(bend)
    deck = find_deck(scene, whole(scene))
    assert not deck.over_water and abs(deck.direction[1]) > 0.8
    assert deck.half_width == pytest.approx(HALF, abs=2.0)
    assert abs(deck.shade) == pytest.approx(SHADE, abs=3.0)
    u, v = deck.frame(scene.shape)
    on_deck = (np.abs(v) < deck.half_width - 2.0) & (np.abs(u) < 0.4 * deck.length)
    assert (np.abs(offset_from_deck(bend)[on_deck]) < HALF).mean() > 0.97


def test_dark_grass_beside_a_bright_deck_is_not_its_shadow():
    plain = overpass()
    rgb, v = plain.rgb.copy(), offset_from_deck(0.0)
    rgb[np.abs(v) <= HALF] = np.minimum(rgb[np.abs(v) <= HALF] * 1.7, 1.0)
    rgb[v > HALF] *= 0.85
    deck = find_deck(Scene(rgb), whole(plain))
    rows = deck.locate(np.zeros(1, np.float32), np.full(1, deck.half_width * np.sign(deck.shade), np.float32))[0]
    assert abs(deck.shade) == pytest.approx(SHADE, abs=4.0) and rows[0] < 90.0


def test_locate_is_the_inverse_of_frame():
    deck = Deck((30.0, 40.0), (0.6, 0.8), 5.0, 50.0, False, bend=0.002)
    u, v = deck.frame((64, 80))
    rows, columns = deck.locate(u, v)
    np.testing.assert_allclose(rows, np.indices((64, 80))[0], atol=1e-3)
    np.testing.assert_allclose(columns, np.indices((64, 80))[1], atol=1e-3)


def test_moving_along_a_bent_deck_stays_on_it():
    deck = Deck((100.0, 100.0), (0.0, 1.0), 5.0, 100.0, False, bend=0.001)
    moved = deck.moved(30.0)
    _, v = deck.frame((200, 200))
    at = tuple(round(x) for x in moved.centre)
    assert abs(v[at]) < 1.0
    assert moved.direction != deck.direction


@pytest.mark.parametrize("seed", range(3))
def test_the_gap_takes_parapets_and_shadow_with_it(seed: int):
    scene = overpass()
    drawing = COLLAPSED_BRIDGE.draw(scene, whole(scene), 0.5, np.random.default_rng(seed))
    v = offset_from_deck(0.0)
    changed = drawing.mask > 0.5
    middle = int(np.average(np.arange(SIZE), weights=changed.sum(0)))
    gap = np.s_[:, middle - 8 : middle + 8]
    deck = np.abs(v) < HALF
    shadow = (v < -HALF - 3) & (v > -HALF - SHADE + 3)
    assert changed[gap][deck[gap]].mean() > 0.97
    assert changed[gap][shadow[gap]].mean() > 0.8
    assert np.median(drawing.image[gap][shadow[gap]]) > 2.0 * np.median(scene.rgb[gap][shadow[gap]])
    far = np.abs(np.arange(SIZE) - middle) > 75
    assert not changed[:, far].any()


def test_a_lorry_beside_the_deck_leaves_no_stripe_on_the_ground_beneath():
    rgb = overpass().rgb.copy()
    rgb[112:160, 88:98] = (0.8, 0.15, 0.1)
    scene = Scene(rgb)
    drawings = [COLLAPSED_BRIDGE.draw(scene, whole(scene), 0.5, np.random.default_rng(seed)) for seed in range(4)]
    under = np.abs(offset_from_deck(0.0)) < HALF
    redness = [(drawing.image[..., 0] - drawing.image[..., 1:].mean(-1))[under] for drawing in drawings]
    assert max(float(np.quantile(each, 0.999)) for each in redness) < 0.2


@pytest.mark.parametrize("seed", range(3))
def test_the_shadow_of_a_deck_beside_it_does_not_go_on_beneath(seed: int):
    plain = overpass()
    v = offset_from_deck(0.0)
    rgb = plain.rgb.copy()
    rgb[(v > HALF + 14.0) & (v < HALF + 34.0)] *= 0.25  # another deck's, below
    drawn = COLLAPSED_BRIDGE.draw(Scene(rgb), whole(plain), 0.5, np.random.default_rng(seed))
    middle = int(np.average(np.arange(SIZE), weights=(drawn.mask > 0.5).sum(0)))
    edge = np.s_[round(90 + HALF - 3) : round(90 + HALF + 2), middle - 20 : middle + 20]
    ground = np.median(rgb[round(90 + HALF + 6) : round(90 + HALF + 11), middle - 20 : middle + 20].mean(-1))
    assert np.median(drawn.image[edge].mean(-1)) > 0.75 * ground


def test_suitability_covers_the_shadow_too():
    scene = overpass()
    fit = COLLAPSED_BRIDGE.suitability(scene)
    v = offset_from_deck(0.0)
    shadow = (v < -HALF) & (v > -HALF - SHADE)
    assert fit[:, 80:112][shadow[:, 80:112]].mean() > 0.9
    assert fit[v > HALF + 30].max() == 0.0


def test_a_tinted_picture_still_has_its_bridge_but_a_wood_has_none():
    tinted = Scene((overpass().rgb * np.array([0.8, 1.0, 0.8], np.float32)).astype(np.float32))
    assert COLLAPSED_BRIDGE.suitability(tinted).max() > 0.9
    clumps = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((SIZE, SIZE)), 3.0)[..., None]
    crowns = np.array([0.20, 0.32, 0.17]) * (1.0 + 3.0 * clumps)
    wood = Scene(np.clip(crowns, 0.0, 1.0).astype(np.float32))
    assert COLLAPSED_BRIDGE.suitability(wood).max() == 0.0


@pytest.mark.parametrize(("half", "possible"), [(16.0, True), (60.0, False)])
def test_asphalt_that_passes_for_green_is_a_deck_where_it_is_no_wider_than_a_road(
    monkeypatch: pytest.MonkeyPatch, half: float, possible: bool
):
    grain = np.random.default_rng(0).normal(0.0, 0.02, (SIZE, SIZE, 1))
    tinted = Scene((np.array([0.472, 0.5, 0.472]) + grain).astype(np.float32))
    assert MOST_GREEN < tinted.vegetation.mean() < MOST_GREEN_ROAD
    deck = Deck((96.0, 96.0), (0.0, 1.0), half, 120.0, over_water=False)
    monkeypatch.setattr(collapsed_bridge, "find_deck", lambda *_: deck)
    assert bool(COLLAPSED_BRIDGE.suitability(tinted).any()) == possible
