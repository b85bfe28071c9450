"""What is measured on the pixels alone, against pictures whose answer is known."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.evaluation.measures import (
    changed_region,
    diversity,
    in_out_sharpness,
    seam_energy,
    sharpness_ratio,
)
from torch import Tensor
from torch.nn import functional as F


def grain(seed: int = 0, side: int = 64, bands: int = 3) -> Tensor:
    return 0.3 + 0.4 * torch.rand(bands, side, side, generator=torch.Generator().manual_seed(seed))


def box(side: int = 64, low: int = 16, high: int = 48) -> Tensor:
    region = torch.zeros(side, side)
    region[low:high, low:high] = 1.0
    return region


def blurred(image: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(image[None], (2, 2, 2, 2), mode="reflect"), 5, 1)[0]


def within(image: Tensor, other: Tensor, region: Tensor) -> Tensor:
    """``other`` inside the region, ``image`` outside it."""
    return torch.where(region > 0, other, image)


def test_sharpness_is_one_for_the_source_and_follows_contrast_and_blur() -> None:
    source, region = grain(), box()
    assert sharpness_ratio(source, source, region) == 1.0
    halved = within(source, 0.5 + (source - 0.5) / 2, region)
    assert sharpness_ratio(halved, source, region) == pytest.approx(0.25, rel=1e-4)
    soft = sharpness_ratio(within(source, blurred(source), region), source, region)
    assert soft is not None and soft < 0.1
    assert sharpness_ratio(within(source, torch.full_like(source, 0.5), region), source, region) == 0.0


def test_sharpness_does_not_see_what_lies_outside_or_across_the_border() -> None:
    source, region = grain(), box()
    elsewhere = within(torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(5)), source, region)
    assert sharpness_ratio(elsewhere, source, region) == 1.0


def test_sharpness_of_a_flat_place_is_finite_and_of_a_lone_pixel_unknown() -> None:
    flat = torch.full((3, 64, 64), 0.5)
    ratio = sharpness_ratio(grain(), flat, box())
    assert ratio is not None and 0 < ratio < 1e6
    lone = torch.zeros(64, 64)
    lone[3, 3] = 1.0
    assert sharpness_ratio(grain(), flat, lone) is None and sharpness_ratio(grain(), flat, torch.zeros(64, 64)) is None


def test_sharpness_in_and_out() -> None:
    source, region = grain(), box()
    ratio = in_out_sharpness(source, region)
    assert ratio == pytest.approx(1.0, abs=0.1)
    halved = in_out_sharpness(within(source, 0.5 + (source - 0.5) / 2, region), region)
    assert ratio is not None and halved == pytest.approx(ratio / 4, rel=1e-4)
    assert in_out_sharpness(source, torch.ones(64, 64)) is None


def test_the_seam_of_an_even_slope_is_exactly_one() -> None:
    slope = torch.arange(64).float().expand(64, 64)[None] / 100
    region = box()
    assert seam_energy(slope, slope, region) == pytest.approx(1.0, rel=1e-5)
    # 32 steps left and right of the box each meet a slope of 0.01, those above and below meet none, with or without
    # the 0.05 that lift the inside: left 0.06, right 0.04, above and below 0.05.
    lifted = within(slope, slope + 0.05, region)
    met, usual = 32 * (0.06 + 0.04 + 2 * 0.05), 64 * 0.01
    assert seam_energy(lifted, slope, region) == pytest.approx(met / usual, rel=1e-4)


def test_a_seam_shows_and_a_feathered_one_shows_less() -> None:
    source, region = grain(), box()
    usual = seam_energy(source, source, region)
    assert usual == pytest.approx(1.0, abs=0.15)
    hard = within(source, source * 0 + 0.95, region)
    ramp = blurred(blurred(region[None]))[0] * region
    soft = source + ramp * (hard - source)
    energies = [seam_energy(each, source, region) for each in (hard, soft)]
    assert usual is not None and energies[0] is not None and energies[1] is not None
    assert energies[0] > 2.5 * usual and energies[1] < energies[0]


def test_no_border_no_seam() -> None:
    assert seam_energy(grain(), grain(), torch.ones(64, 64)) is None
    assert seam_energy(grain(), grain(), torch.zeros(64, 64)) is None


def test_a_border_on_flat_ground_is_compared_with_a_grey_level() -> None:
    flat = torch.full((1, 64, 64), 0.5)
    assert seam_energy(flat, flat, box()) == 0.0
    assert seam_energy(within(flat, flat + 1 / 255, box()), flat, box()) == pytest.approx(1.0, rel=1e-4)


def test_diversity_is_the_mean_distance_of_pairs_inside_the_region() -> None:
    source, region = grain(), box()
    edits = [within(source, source + step, region) for step in (0.0, 0.1, 0.3)]
    assert diversity(edits, region) == pytest.approx((0.1 + 0.2 + 0.3) / 3, rel=1e-4)
    assert diversity([source, source], region) == 0.0
    assert diversity([source, within(grain(1), source, region)], region) == 0.0
    assert diversity(edits[:1], region) is None and diversity(edits, torch.zeros(64, 64)) is None


def test_what_changed_is_the_region_or_else_what_is_seen() -> None:
    source, region = grain(), box()
    soft = torch.full((64, 64), 0.2) * region
    assert torch.equal(changed_region(source, source, soft), region)
    noisy = source + 0.02 * torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert changed_region(noisy, source, None).sum() < 10
    edited = within(source, source + torch.tensor([0.0, 0.0, 0.2])[:, None, None], region)
    found = changed_region(edited, source, None)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert (found[18:46, 18:46] == 1).all() and (found[:12] == 0).all()
