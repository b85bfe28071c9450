"""Blending: exact outside the mask, and inside what each mode promises."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance import blending
from comfyui_sinddm_rs.guidance.blending import MODES, blend, harmonic
from torch import Tensor


def picture(height: int = 41, width: int = 52, seed: int = 0, bands: int = 3) -> Tensor:
    return torch.rand(bands, height, width, generator=torch.Generator().manual_seed(seed))


def block(height: int = 41, width: int = 52) -> Tensor:
    mask = torch.zeros(height, width)
    mask[9:30, 12:40] = 1.0
    return mask


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("soft", [1.0, 0.3])
def test_outside_the_mask_nothing_changes(mode: str, soft: float) -> None:
    original, edited, mask = picture(), picture(seed=1), block() * soft
    kept = original.clone(), edited.clone()
    blended = blend(original, edited, mask, mode)
    assert torch.equal(blended[:, mask == 0], original[:, mask == 0])
    assert float(blended.min()) >= 0 and float(blended.max()) <= 1
    assert bool((blended != original).any()) == (mode != "hard" or soft == 1.0)
    assert torch.equal(original, kept[0]) and torch.equal(edited, kept[1])


def test_hard_takes_each_pixel_from_one_of_the_two() -> None:
    original, edited, mask = picture(), picture(seed=1), block()
    mask[9, 12], mask[9, 13] = 0.4, 0.6
    blended = blend(original, edited, mask, "hard")
    assert torch.equal(blended, torch.where(mask >= 0.5, edited, original))


def test_a_feather_rises_inwards_from_the_edge() -> None:
    original, edited, mask = torch.zeros(1, 41, 52), torch.ones(1, 41, 52), block()
    row = blend(original, edited, mask, "feather", 4)[0, 20]
    assert row[11:18].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1, 1])
    assert torch.equal(blend(original, edited, mask, "feather", 0)[0], mask)


def test_the_border_of_the_picture_is_no_edge() -> None:
    mask = torch.zeros(20, 30)
    mask[:, :15] = 1.0
    row = blend(torch.zeros(1, 20, 30), torch.ones(1, 20, 30), mask, "feather", 4)[0, 0]
    assert row[0] == 1 and row[14] == pytest.approx(0.2)


@pytest.mark.parametrize("mode", MODES)
def test_a_mask_of_everything_gives_the_edit(mode: str) -> None:
    original, edited = picture(1, 1), picture(1, 1, seed=1)
    assert torch.equal(blend(original, edited, torch.ones(1, 1), mode), edited)


def test_poisson_takes_a_brighter_copy_back_to_the_original() -> None:
    original = picture() * 0.5
    blended = blend(original, original + 0.3, block(), "poisson")
    assert float((blended - original).abs().max()) < 1e-5


def test_poisson_keeps_the_gradients_of_the_edit() -> None:
    ground = torch.full((1, 41, 52), 0.5)
    edited = ground + 0.2
    edited[:, 18:22, 20:30] = 0.9
    blended = blend(ground, edited, block(), "poisson")
    assert float(blended[0, 20, 25] - blended[0, 24, 25]) == pytest.approx(0.2, abs=1e-5)
    assert float((blended - ground)[:, 9, :].abs().max()) < 1e-5


def test_each_pixel_of_a_harmonic_surface_is_the_mean_of_its_neighbours() -> None:
    values, inside = picture(12, 15).double(), torch.zeros(12, 15, dtype=torch.bool)
    inside[3:9, 4:12] = True
    surface = harmonic(values, inside)
    around = (surface[:, 2:8, 4:12] + surface[:, 4:10, 4:12] + surface[:, 3:9, 3:11] + surface[:, 3:9, 5:13]) / 4
    assert torch.equal(surface[:, ~inside], values[:, ~inside])
    assert torch.allclose(surface[:, 3:9, 4:12], around, atol=1e-12)


def test_large_regions_come_out_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    values, inside = picture(90, 101).double(), torch.zeros(90, 101, dtype=torch.bool)
    inside[:80, 7:] = True
    inside[40:44, 50:53] = False
    direct = harmonic(values, inside)
    monkeypatch.setattr(blending, "SOLVED_AT_ONCE", 200)
    assert float((harmonic(values, inside) - direct).abs().max()) < 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edited": picture(40, 52)}, r"The edited image is \[3, 40, 52\] and the original \[3, 41, 52\]"),
        ({"edited": picture(bands=4)}, r"The edited image is \[4, 41, 52\]"),
        ({"mask": block(52, 41)}, r"The mask is \[52, 41\], not \[41, 52\]"),
        ({"original": picture() * float("nan")}, "The original holds NaN"),
        ({"edited": picture() * float("inf")}, "The edited image holds NaN or infinite"),
        ({"mask": block() * float("nan")}, "The mask holds NaN"),
        ({"mode": "soft"}, "There is no blend mode 'soft'; choose one of feather, hard, poisson"),
        ({"feather": -1}, "A feather of -1 px"),
        ({"feather": 257}, "A feather of 257 px"),
    ],
)
def test_what_cannot_be_blended_is_named(change: dict[str, object], message: str) -> None:
    given = {"original": picture(), "edited": picture(seed=1), "mask": block(), **change}
    with pytest.raises(InputError, match=message):
        blend(**given)  # type: ignore[arg-type]
