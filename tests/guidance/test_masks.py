from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.masks import blur, changed_mask, energy_mask, grow, shrink


def dot(height: int = 33, width: int = 41, row: int = 16, column: int = 20) -> torch.Tensor:
    mask = torch.zeros(height, width)
    mask[row, column] = 1.0
    return mask


@pytest.mark.parametrize("radius", [0.5, 1.5, 4.0, 30.0])
def test_blur_keeps_a_constant(radius):
    torch.testing.assert_close(blur(torch.full((20, 33), 0.7), radius), torch.full((20, 33), 0.7))


@pytest.mark.parametrize("radius", [1.0, 2.0, 3.0])
def test_blur_spreads_a_dot_by_its_radius_and_keeps_its_weight(radius):
    spread = blur(dot(), radius)
    rows, columns = torch.arange(33.0)[:, None] - 16, torch.arange(41.0)[None] - 20
    assert float(spread.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float((spread * rows**2).sum()) == pytest.approx(radius**2, rel=0.12)
    assert float((spread * columns**2).sum()) == pytest.approx(radius**2, rel=0.12)
    torch.testing.assert_close(spread, spread.flip(0))


def test_grow_takes_a_square_and_shrink_takes_it_back():
    grown = grow(dot(), 3)
    assert float(grown.sum()) == 49.0 and grown[13:20, 17:24].all()
    assert torch.equal(shrink(grown, 3), dot())
    assert not shrink(dot(), 1).any()


def test_the_border_of_the_image_neither_grows_nor_shrinks_a_mask():
    assert torch.equal(shrink(torch.ones(9, 12), 4), torch.ones(9, 12))
    assert not grow(torch.zeros(9, 12), 4).any()


def test_growing_a_soft_mask_keeps_its_softness():
    assert float(grow(0.3 * dot(), 2).max()) == pytest.approx(0.3)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.6])
def test_energy_mask_has_the_share_asked_for(share):
    gradient = torch.randn(3, 40, 40, generator=torch.Generator().manual_seed(0))
    mask = energy_mask(gradient, share, (40, 40))
    assert float((mask > 0.5).float().mean()) == pytest.approx(share, abs=0.03)
    assert mask.min() >= 0.0 and mask.max() <= 1.0


def test_energy_mask_lies_where_the_gradient_is_strong_whatever_its_sign_and_scale():
    gradient = 0.01 * torch.randn(3, 32, 48, generator=torch.Generator().manual_seed(0))
    gradient[1, 8:16, 32:40] -= 1.0
    mask = energy_mask(gradient, 0.05, (64, 96))
    assert mask.shape == (64, 96)
    assert mask[18:30, 66:78].min() > 0.5
    assert mask[:, :48].max() < 0.1 and mask[44:].max() < 0.1
    torch.testing.assert_close(energy_mask(gradient * 1e-4, 0.05, (64, 96)), mask, atol=1e-3, rtol=0)


def test_energy_mask_of_no_gradient_is_finite():
    assert torch.isfinite(energy_mask(torch.zeros(3, 32, 32), 0.2, (32, 32))).all()


def test_changed_mask_marks_what_changed_and_nothing_far_from_it():
    original = torch.rand(4, 40, 40, generator=torch.Generator().manual_seed(0)) * 0.5
    edited = original.clone()
    edited[3, 10:20, 12:22] += 0.4
    changed = changed_mask(original, edited, torch.ones(40, 40))
    assert changed[12:18, 14:20].min() > 0.95
    assert changed[30:].max() == 0.0 and changed[:, 32:].max() == 0.0
    assert changed.min() >= 0.0 and changed.max() <= 1.0


def test_changed_mask_stays_in_what_is_allowed():
    original, allowed = torch.zeros(3, 32, 32), torch.zeros(32, 32)
    allowed[:, :16] = 0.5
    changed = changed_mask(original, original + 0.8, allowed)
    assert changed[:, 16:].max() == 0.0
    assert float(changed[:, :16].max()) == pytest.approx(0.5, abs=1e-5)


def test_changed_mask_ignores_what_the_eye_cannot_see():
    original = torch.full((3, 32, 32), 0.5)
    assert not changed_mask(original, original, torch.ones(32, 32)).any()
    assert not changed_mask(original, original + 0.01, torch.ones(32, 32)).any()
