"""The arithmetic of ``sinddm-rs bench``."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.cli import bench
from comfyui_sinddm_rs.cli.measures import peak_memory, sized


@pytest.mark.parametrize("side", [8, 20, 33, 100])
def test_a_scene_is_cut_or_mirrored_outwards(side: int) -> None:
    scene = torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(0))
    before = scene.clone()
    found = sized(scene, side)
    assert found.shape == (3, side, side)
    inner = min(side, 20)
    assert torch.equal(found[:, :inner, :inner], scene[:, :inner, :inner])
    if side > 24:
        assert torch.equal(found[:, 20], found[:, 19]) and torch.equal(found[:, :, 24], found[:, :, 23])
    found.zero_()
    assert torch.equal(scene, before)


def test_time_and_memory_are_plain_numbers() -> None:
    assert bench._seconds(lambda: None) == 0.0
    assert bench._round(1.23456) == 1.23
    memory = peak_memory()
    assert memory is None or 10 < memory < 1_000_000


def test_the_exact_search_has_no_shortcut() -> None:
    assert bench.EXACT.exact_below > max(bench.CURVE) ** 2
