"""Spectral indices before and after an edit."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.geo.bands import Bands
from comfyui_sinddm_rs.geo.indices import index_changes

RGBN = Bands((0, 1, 2, 3), ("red", "green", "blue", "nir"))


def test_means_where_it_changed() -> None:
    before = np.zeros((2, 2, 4))
    before[0, 0] = 0.1, 0.2, 0.1, 0.5
    before[0, 1] = 0.2, 0.2, 0.1, 0.2
    before[1] = 9.0
    after = before.copy()
    after[0, 0] = 0.5, 0.5, 0.5, 0.1
    changed = np.array([[True, True], [False, False]])
    found = index_changes(before, after, changed, RGBN)
    assert set(found) == {"ndvi", "ndwi"}
    assert found["ndvi"] == pytest.approx(((0.4 / 0.6 + 0) / 2, (-0.4 / 0.6 + 0) / 2))
    assert found["ndwi"] == pytest.approx(((-0.3 / 0.7 + 0) / 2, (0.4 / 0.6 + 0) / 2))


def test_bands_that_are_not_there() -> None:
    values, changed = np.ones((2, 2, 3)), np.ones((2, 2), bool)
    assert index_changes(values, values, changed, Bands((0, 1, 2), ("red", "green", "blue"))) == {}
    assert set(index_changes(values, values, changed, Bands((0, 1, 2), (None, "nir", "swir")))) == {"nbr"}


def test_of_the_short_wave_bands_the_last() -> None:
    values = np.array([[[3.0, 1.0, 2.0]]])
    found = index_changes(values, values, np.ones((1, 1), bool), Bands((0, 1, 2), ("nir", "swir", "swir")))
    assert found["nbr"] == pytest.approx((0.2, 0.2))


def test_nothing_changed_or_all_dark() -> None:
    values = np.zeros((2, 2, 4))
    assert index_changes(values, values, np.zeros((2, 2), bool), RGBN) == {}
    assert index_changes(values, values, np.ones((2, 2), bool), RGBN) == {"ndvi": (0.0, 0.0), "ndwi": (0.0, 0.0)}


def test_whole_numbers_do_not_wrap() -> None:
    values = np.array([[[200, 200, 0, 100]]], np.uint8)
    found = index_changes(values, values, np.ones((1, 1), bool), RGBN)
    assert found["ndvi"] == pytest.approx((-1 / 3, -1 / 3))
