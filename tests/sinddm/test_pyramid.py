"""Sizes of the scales, resampling without overshoot, and the exchange of low frequencies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from comfyui_sinddm_rs.sinddm.pyramid import Size, build_pyramid, replace_lows, resize, scale_sizes
from torch import Tensor

Picture = Callable[..., Tensor]
SIZES = [(64, 64), (37, 61), (200, 48)]


@pytest.mark.parametrize("size", [(256, 256), (300, 111), (57, 640), (1000, 1001), (55, 80), (20, 500)])
@pytest.mark.parametrize(("coarsest", "factor"), [(28, 2.0), (42, 1.411)])
def test_scales_grow_by_the_factor_from_the_least_side_to_the_full_size(
    size: Size, coarsest: int, factor: float
) -> None:
    sizes = scale_sizes(size, coarsest, factor)
    assert sizes[-1] == size
    assert min(sizes[0]) < factor * coarsest
    assert min(sizes[0]) >= coarsest or len(sizes) == 1
    for coarse, fine in pairwise(sizes):
        assert all(abs(c - f / factor) <= 0.5 for c, f in zip(coarse, fine, strict=True))


def test_a_small_picture_has_one_scale() -> None:
    assert scale_sizes((20, 90), 28) == [(20, 90)]


@pytest.mark.parametrize("size", [(5, 7), (21, 40), (64, 64), (150, 33)])
def test_resize_stays_in_range_where_bicubic_overshoots(size: Size) -> None:
    hard = torch.full((2, 40, 40), -1.0)
    hard[:, 10:30, 13:26] = 1.0
    resized = resize(hard, size)
    assert resized.shape == (2, *size)
    assert resized.min() >= -1.0 and resized.max() <= 1.0
    assert resized.max() > 0.9 and resized.min() < -0.9


@pytest.mark.parametrize("size", SIZES)
def test_resize_keeps_a_flat_picture_and_the_mean(picture: Picture, size: Size) -> None:
    torch.testing.assert_close(resize(torch.full((1, 40, 50), 0.3), size), torch.full((1, *size), 0.3))
    image = picture(3, 48, 56)
    assert float(resize(image, size).mean()) == pytest.approx(float(image.mean()), abs=0.01)


def test_resize_does_not_alias() -> None:
    board = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float()[None] * 2 - 1
    assert float(resize(board, (20, 20))[:, 2:-2, 2:-2].abs().max()) < 0.1


def test_every_scale_comes_straight_from_the_full_image(picture: Picture) -> None:
    image = picture(4, 50, 66)
    sizes = [(12, 16), (25, 33), (50, 66)]
    pyramid = build_pyramid(image, sizes)
    assert torch.equal(pyramid[-1], image)
    for level, size in zip(pyramid, sizes, strict=True):
        assert torch.equal(level, resize(image, size))


@pytest.mark.parametrize("coarse_size", [(24, 28), (19, 23), (12, 14)])
def test_replace_lows_takes_the_lows_of_one_and_the_highs_of_the_other(picture: Picture, coarse_size: Size) -> None:
    fine, other = picture(3, 48, 56, 1), picture(3, 48, 56, 2)
    coarse = resize(other, coarse_size)
    mixed = replace_lows(fine, coarse)

    def lows(image: Tensor) -> Tensor:
        return resize(image, coarse_size)

    def highs(image: Tensor) -> Tensor:
        return image - resize(lows(image), (48, 56))

    assert (lows(mixed) - coarse).square().mean() < 0.03 * (lows(fine) - coarse).square().mean()
    assert (highs(mixed) - highs(fine)).square().mean() < 0.1 * highs(fine).square().mean()
    assert (highs(mixed) - highs(fine)).square().mean() < 0.1 * (highs(mixed) - highs(other)).square().mean()


def test_replace_lows_by_its_own_changes_nothing(picture: Picture) -> None:
    image = picture(2, 37, 53)
    coarse = torch.nn.functional.interpolate(image[None], size=(19, 26), mode="bicubic", antialias=True)[0]
    torch.testing.assert_close(replace_lows(image, coarse), image)


def test_replace_lows_by_a_shifted_mean_shifts_the_mean(picture: Picture) -> None:
    image = picture(1, 40, 40)
    coarse = torch.nn.functional.interpolate(image[None], size=(20, 20), mode="bicubic", antialias=True)[0]
    torch.testing.assert_close(replace_lows(image, coarse + 0.25), image + 0.25)
