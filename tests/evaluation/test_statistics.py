"""Means over seeds and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from comfyui_sinddm_rs.evaluation.statistics import Estimate, difference, estimate, over_seeds

T_OF_TWO = 4.302652729911275
"""97.5 % point of Student's t with two degrees of freedom, from a printed table."""


def test_a_mean_and_its_interval() -> None:
    found = estimate([1.0, 2.0, 6.0])
    assert found is not None
    margin = T_OF_TWO * math.sqrt(7.0 / 3.0)
    assert (found.mean, found.count) == (3.0, 3)
    assert found.margin == pytest.approx(margin)
    assert (found.low, found.high) == (pytest.approx(3.0 - margin), pytest.approx(3.0 + margin))


def test_what_is_not_known_does_not_count() -> None:
    assert estimate([None, 2.0, math.inf, math.nan]) == Estimate(2.0, None, None, 1)
    assert estimate([None, math.nan]) is None and estimate([]) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("noise", [0.0, 1e-16])
def test_equal_values_have_an_interval_of_no_width(noise: float) -> None:
    assert estimate([0.3, 0.3 + noise, 0.3]) == Estimate(pytest.approx(0.3), pytest.approx(0.3), pytest.approx(0.3), 3)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    found = [estimate(rng.normal(5.0, 2.0, 4).tolist()) for _ in range(600)]
    held = [
        each is not None and each.low is not None and each.high is not None and each.low < 5.0 < each.high
        for each in found
    ]
    assert 0.92 < np.mean(held) < 0.98


def test_a_seed_counts_once_however_many_scenes_it_has() -> None:
    values: dict[tuple[str, int], float | None] = {}
    for scene, level in (("a", 10.0), ("b", 20.0)):
        values |= {(scene, seed): level + offset for seed, offset in enumerate((-1.0, 0.0, 1.0))}
    found = over_seeds(values)
    assert found == estimate([14.0, 15.0, 16.0])


def test_every_seed_is_judged_on_the_same_scenes() -> None:
    values = {("a", 0): 1.0, ("a", 1): 3.0, ("b", 0): 100.0, ("b", 1): None}
    assert over_seeds(values) == estimate([1.0, 3.0])
    assert over_seeds({("a", 0): 1.0, ("a", 1): None, ("a", 2): 3.0}) == estimate([1.0, 3.0])
    assert over_seeds({("a", 0): None}) is None and over_seeds({}) is None


def test_a_difference_is_that_of_pairs() -> None:
    one = {("a", 0): 5.0, ("a", 1): 50.0, ("b", 0): 7.0, ("b", 1): 70.0}
    other = {place: value - 1.5 for place, value in one.items()}
    found = difference(one, other)
    assert found is not None and (found.mean, found.margin) == (pytest.approx(1.5), pytest.approx(0.0, abs=1e-9))
    assert difference(one, {("c", 0): 1.0}) is None
    assert difference({("a", 0): None, ("a", 1): 3.0}, {("a", 0): 1.0, ("a", 1): 1.0}) == Estimate(2.0, None, None, 1)
