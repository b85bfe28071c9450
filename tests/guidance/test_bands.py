"""Bands beyond the visible ones follow an edit of those."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.bands import with_visible
from torch import Tensor


def visible(seed: int = 0) -> Tensor:
    return torch.rand(3, 24, 26, generator=torch.Generator().manual_seed(seed))


def test_three_bands_are_replaced() -> None:
    assert torch.equal(with_visible(visible(), visible(1)), visible(1))


@pytest.mark.parametrize("count", [1, 2])
def test_one_band_takes_the_mean_of_the_change(count: int) -> None:
    grey = visible()[:1]
    changed = with_visible(
        grey.expand(count, -1, -1), grey.expand(3, -1, -1) + torch.tensor([0.3, 0.0, 0.0])[:, None, None]
    )
    torch.testing.assert_close(changed, (grey + 0.1).expand(count, -1, -1))


def test_a_further_band_follows_as_it_does_in_the_scene() -> None:
    before = torch.cat([visible(), 0.2 + 0.5 * visible()[:1] - 0.3 * visible()[1:2]])
    after = with_visible(before, visible(1))
    expected = 0.2 + 0.5 * visible(1)[0] - 0.3 * visible(1)[1]
    torch.testing.assert_close(after[3], expected, atol=0.02, rtol=0.0)
    assert torch.equal(after[:3], visible(1))


def test_what_does_not_change_leaves_all_bands_alone() -> None:
    image = torch.cat([visible(), visible(2)])
    assert torch.equal(with_visible(image, image[:3].clone()), image)
