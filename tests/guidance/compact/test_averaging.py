"""Weights between those of two guides."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.compact.averaging import write_average
from comfyui_sinddm_rs.guidance.compact.guide import (
    WEIGHTS,
    ImageTower,
    TextSide,
    load_compact_guide,
    save_compact,
)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_compact(tmp_path / "other.safetensors", ImageTower(), TextSide(), {"labels": '["a"]', "events": "[]"})
    return tmp_path / "other.safetensors"


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_every_weight_lies_between(other: Path, tmp_path: Path, share: float) -> None:
    out = tmp_path / "between.safetensors"
    write_average(WEIGHTS, other, out, share)
    start, tuned, between = (load_compact_guide(path=path) for path in (WEIGHTS, other, out))
    for side in ("image", "text"):
        first, last, mean = (getattr(each, side).state_dict() for each in (start, tuned, between))
        for name, values in mean.items():
            wanted = (1 - share) * first[name] + share * last[name]
            torch.testing.assert_close(values, wanted, atol=2e-3, rtol=2e-3)
    assert between.header["labels"] == tuned.header["labels"]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(other: Path, tmp_path: Path, share: float) -> None:
    with pytest.raises(InputError, match="share"):
        write_average(WEIGHTS, other, tmp_path / "out.safetensors", share)
