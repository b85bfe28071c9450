"""Openings: where they lie in a surface, and what outlines they have."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.objects import Target, target_of
from comfyui_sinddm_rs.guidance.events.openings import Opening, lay_out
from comfyui_sinddm_rs.guidance.events.scene import Scene


def surface() -> Target:
    mask = np.zeros((120, 160), bool)
    mask[30:90, 20:140] = True
    return target_of(Scene(np.full((120, 160, 3), 0.5, np.float32)), mask)


@pytest.mark.parametrize("wanted", [1, 4])
def test_openings_lie_in_their_surface_and_apart(wanted):
    for seed in range(8):
        placed = lay_out(surface(), 0.5, 9.0, wanted, np.random.default_rng(seed))
        assert 1 <= len(placed) <= wanted
        radii = [radius for _, _, radius in placed]
        assert max(radii) == radii[0] <= 9.0
        for index, (row, column, radius) in enumerate(placed):
            assert abs(row - 59.5) + radius < 30.5 and abs(column - 79.5) + radius < 60.5
            for r, c, other in placed[:index]:
                assert np.hypot(row - r, column - c) > radius + other


def test_a_narrow_surface_has_small_openings():
    mask = np.zeros((60, 160), bool)
    mask[26:34, 10:150] = True
    strip = target_of(Scene(np.full((60, 160, 3), 0.5, np.float32)), mask)
    assert all(radius < 4.0 for *_, radius in lay_out(strip, 0.5, 20.0, 4, np.random.default_rng(0)))


def test_what_fell_is_rounder_than_what_tore():
    spread = {}
    for name, make in (("torn", Opening.torn), ("round", Opening.round)):
        outlines = []
        for seed in range(8):
            inside = make((80, 80), (40.0, 40.0, 20.0), np.random.default_rng(seed)).distance > 0.0
            assert inside[40, 40] and not inside[0].any()
            turned = (np.arctan2(*(np.indices((80, 80)) - 40)) + np.pi) // (np.pi / 12)
            outlines.append(np.sqrt(np.bincount(turned.astype(int).ravel(), inside.ravel())[:24]))
        spread[name] = np.mean([outline.std() / outline.mean() for outline in outlines])
    assert spread["round"] < 0.6 * spread["torn"]
