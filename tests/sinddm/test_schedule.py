"""Noise levels fall in even steps and stop above zero."""

from __future__ import annotations

from itertools import pairwise

import pytest
from comfyui_sinddm_rs.sinddm.schedule import flow_levels


@pytest.mark.parametrize("start", [1.0, 0.55, 0.1])
@pytest.mark.parametrize("steps", [1, 2, 10])
def test_levels_fall_evenly_from_the_start_towards_zero(start: float, steps: int) -> None:
    levels = flow_levels(start, steps)
    sigmas = [level.sigma for level in levels]
    assert len(levels) == steps and sigmas[0] == start
    assert sigmas[-1] == pytest.approx(start / steps)
    assert all(before - after == pytest.approx(start / steps) for before, after in pairwise(sigmas))


def test_signal_and_noise_share_one() -> None:
    assert all(level.alpha == pytest.approx(1.0 - level.sigma) for level in flow_levels(0.9, 7))
