"""Bands beyond the visible ones follow an edit of those."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.bands import BandUnits, with_event, with_visible
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


UNITS = BandUnits(("red", "green", "blue", "nir", None), (0.0,) * 3 + (100.0, 0.0), (1000.0,) * 3 + (5100.0, 1.0))


def test_near_infrared_takes_the_reflectance_of_the_event() -> None:
    image = torch.cat([0.2 * visible(), 0.6 + 0.1 * visible(3)[:1], visible(2)[:1]])
    drawn = image[:3].clone()
    mask = torch.zeros(24, 26)
    mask[4:12, 5:20] = 1.0
    drawn[:, mask > 0] = 0.3
    after = with_event(image, drawn, mask, "flood", UNITS)
    # Flood water: NIR is 0.4 × red; red is 300, so NIR is 120, which is (120 - 100) / 5000 of its range.
    torch.testing.assert_close(after[3, mask > 0], torch.full((120,), 0.004), atol=1e-5, rtol=0.0)
    assert torch.equal(after[3, mask == 0], image[3, mask == 0])
    assert torch.equal(after[4], with_visible(image, drawn)[4])


def test_a_half_changed_pixel_has_half_of_its_own_infrared() -> None:
    image = torch.full((5, 4, 4), 0.2)
    image[3] = 0.5
    image[4] = visible()[0, :4, :4]
    half = torch.full((4, 4), 0.5)
    after = with_event(image, torch.full((3, 4, 4), 0.3), half, "snow", UNITS)
    own_red = 1000 * (0.3 - 0.5 * 0.2) / 0.5
    stored = 0.5 * (100 + 5000 * 0.5) + 0.5 * 0.9 * own_red
    torch.testing.assert_close(after[3], torch.full((4, 4), (stored - 100) / 5000))


def test_unknown_bands_follow_the_scene() -> None:
    image = torch.cat([visible(), visible(2)[:1]])
    plain = with_visible(image, visible(1))
    assert torch.equal(with_event(image, visible(1), torch.ones(24, 26), "flood", None), plain)
    assert torch.equal(with_event(image, visible(1), torch.ones(24, 26), "an event of one's own", UNITS), plain)
