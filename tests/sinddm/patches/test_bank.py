"""The patch bank: orthonormal analysis, rows and places, and painting with real pixels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.patches import bank
from comfyui_sinddm_rs.sinddm.patches.bank import ANALYSIS, Matches, PatchBank, PatchSource, principal_patches
from comfyui_sinddm_rs.sinddm.patches.matching import grid_places
from torch import Tensor
from torch.nn import functional as F

Picture = Callable[..., Tensor]


def own_places(bank: PatchBank, index: int, stride: int = 1) -> Matches:
    """Every place matched with the patch that lies there in image ``index``."""
    height, width = (int(side) for side in bank.images[index].shape[-2:])
    grid = (-(-height // stride), -(-width // stride))
    y, x = grid_places(grid, stride, torch.device("cpu"))
    return Matches(torch.full_like(y, index)[:, None], y[:, None], x[:, None], grid, stride)


def patches(image: Tensor) -> Tensor:
    """Analysis patches [H · W, C · P · P] around every pixel."""
    return F.unfold(F.pad(image[None], (ANALYSIS // 2,) * 4, mode="reflect"), ANALYSIS)[0].T


@pytest.mark.parametrize("channels", [1, 3])
def test_components_are_orthonormal_and_the_strongest_come_first(picture: Picture, channels: int) -> None:
    image = picture(channels, 40, 40)
    basis = principal_patches([image], 24)
    assert basis.shape == (24, channels, ANALYSIS, ANALYSIS)
    rows = basis.flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(24), atol=1e-5, rtol=0)
    spread = (patches(image) @ rows.T).var(0)
    assert bool((spread[1:] <= spread[:-1] * 1.01).all())


def test_components_hold_the_differences_between_patches(picture: Picture) -> None:
    image = picture(1, 32, 32)
    bank = PatchBank([PatchSource(image)])
    whole = torch.cdist(patches(image), patches(image)).square()
    seen = torch.cdist(bank.features, bank.features).square()
    assert bool((seen <= whole + 1e-2).all())
    assert float(seen.sum() / whole.sum()) > 0.9


def test_brightness_costs_no_component(picture: Picture) -> None:
    image = picture(1, 32, 32)
    first, second = (principal_patches([i], 6).flatten(1) for i in (image, image + 3.0))
    torch.testing.assert_close(first.T @ first, second.T @ second, atol=1e-3, rtol=0)


def test_no_more_components_than_a_patch_has_values() -> None:
    assert principal_patches([torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(0))], 999).shape[0] == 225


def test_features_are_the_components_of_the_patch_around_each_pixel(picture: Picture) -> None:
    images = [picture(2, 20, 26), picture(2, 17, 19, 1)]
    bank = PatchBank([PatchSource(image) for image in images])
    assert len(bank) == 20 * 26 + 17 * 19
    expected = torch.cat([patches(image) for image in images]) @ bank.basis.flatten(1).T
    torch.testing.assert_close(bank.features, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(bank.energy, expected.square().sum(1), atol=1e-3, rtol=1e-3)


def test_analysing_with_a_stride_takes_every_so_manieth_patch(picture: Picture) -> None:
    image = picture(1, 23, 30)
    bank = PatchBank([PatchSource(image)])
    features, grid = bank.analyse(image, 2)
    assert grid == (12, 15)
    y, x = grid_places(grid, 2, torch.device("cpu"))
    rows = bank.row(torch.zeros_like(y), y, x)
    torch.testing.assert_close(features, bank.features[rows], atol=1e-4, rtol=1e-4)


def test_row_and_position_are_inverse(picture: Picture) -> None:
    sizes = [(20, 31), (16, 9), (25, 12)]
    bank = PatchBank([PatchSource(picture(1, *size)) for size in sizes])
    every = torch.arange(len(bank))
    image, y, x = bank.position(every)
    assert torch.equal(bank.row(image, y, x), every)
    for index, (height, width) in enumerate(sizes):
        mine = image == index
        assert int(mine.sum()) == height * width
        assert int(y[mine].max()) == height - 1 and int(x[mine].max()) == width - 1


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("index", [0, 1])
def test_every_patch_in_its_own_place_paints_the_image(picture: Picture, stride: int, index: int) -> None:
    images = [picture(3, 21, 28), picture(3, 18, 15, 1)]
    bank = PatchBank([PatchSource(image) for image in images])
    matches = own_places(bank, index, stride)
    size = (int(images[index].shape[1]), int(images[index].shape[2]))
    painted = bank.paint(matches, torch.ones(matches.y.shape), size)
    torch.testing.assert_close(painted, images[index], atol=1e-5, rtol=0)


def test_weights_mix_the_patches_of_a_place(picture: Picture) -> None:
    first, second = picture(2, 16, 20), picture(2, 16, 20, 1)
    bank = PatchBank([PatchSource(first), PatchSource(second)])
    one, two = own_places(bank, 0), own_places(bank, 1)
    both = Matches(*(torch.cat([getattr(m, n) for m in (one, two)], 1) for n in ("image", "y", "x")), one.grid, 1)
    painted = bank.paint(both, torch.tensor([[0.3, 0.7]]).expand(both.y.shape), (16, 20))
    torch.testing.assert_close(painted, 0.3 * first + 0.7 * second, atol=1e-5, rtol=0)
    assert torch.equal(both.first(1).image, one.image) and both.first(1).grid == one.grid


def test_an_image_smaller_than_a_patch_is_mirrored_as_often_as_needed(picture: Picture) -> None:
    image = picture(1, 40, 40)[:, :5, :2]
    bank = PatchBank([PatchSource(image)])
    assert len(bank) == 10 and bool(bank.features.isfinite().all())
    matches = own_places(bank, 0)
    torch.testing.assert_close(bank.paint(matches, torch.ones(matches.y.shape), (5, 2)), image)


def test_bands_that_are_not_compared_are_only_carried(picture: Picture) -> None:
    image, other = picture(4, 20, 22), picture(4, 20, 22, 1)
    other[:2] = image[:2]
    bank, twin = (PatchBank([PatchSource(i)], compared=2) for i in (image, other))
    assert bank.basis.shape[1] == 2
    assert torch.equal(bank.features, twin.features)
    assert torch.equal(bank.analyse(image, 1)[0], bank.analyse(other, 1)[0])
    assert not torch.equal(PatchBank([PatchSource(other)]).features, PatchBank([PatchSource(image)]).features)
    matches = own_places(twin, 0)
    torch.testing.assert_close(twin.paint(matches, torch.ones(matches.y.shape), (20, 22)), other, atol=1e-5, rtol=0)


def test_priors_are_kept_by_row(picture: Picture) -> None:
    prior = torch.full((16, 18), 2.0)
    prior[3, 5] = 0.0
    bank = PatchBank([PatchSource(picture(1, 20, 20)), PatchSource(picture(1, 16, 18, 1), prior)])
    where = bank.row(torch.tensor([0, 1, 1]), torch.tensor([3, 3, 3]), torch.tensor([5, 5, 6]))
    plain, excluded, likely = bank.log_prior[where].tolist()
    assert plain == 0.0 and likely == pytest.approx(0.6931, abs=1e-4)
    assert excluded < -1e8 and bool(bank.log_prior.isfinite().all())


def test_few_components_of_many_bands_are_those_of_the_whole_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.rand(2, 40, 40, generator=generator)
    image = torch.cat([base, 1.0 - base, 0.5 * base[:1] + 0.1 * torch.rand(1, 40, 40, generator=generator)])
    whole = principal_patches([image], 10).flatten(1)
    monkeypatch.setattr(bank, "_SOLVED_WHOLE", 100)
    few = principal_patches([image], 10).flatten(1)
    assert torch.equal(few, principal_patches([image], 10).flatten(1))
    torch.testing.assert_close(few @ few.T, torch.eye(10), atol=1e-4, rtol=0.0)
    torch.testing.assert_close((few @ whole.T).abs(), torch.eye(10), atol=1e-2, rtol=0.0)
