"""The distance between fine textures: nothing for the same, more for more change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.patch_swd import patch_swd
from torch import Tensor
from torch.nn import functional as F

Picture = Callable[..., Tensor]


def distance(image: Tensor, other: Tensor) -> float:
    return patch_swd(image, other, torch.Generator().manual_seed(0))


def blurred(image: Tensor, sigma: float) -> Tensor:
    ramp = torch.arange(-6, 7) / sigma
    kernel = torch.exp(-0.5 * ramp.square())
    kernel = (kernel[:, None] * kernel[None]) / kernel.sum() ** 2
    return F.conv2d(F.pad(image[:, None], (6, 6, 6, 6), mode="reflect"), kernel[None, None])[:, 0]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_an_image_has_a_distance_to_another_but_none_to_itself(picture: Picture, channels: int) -> None:
    image = picture(channels, 48, 56)
    assert distance(image, image) < 1e-6
    assert distance(image, picture(channels, 48, 56, 1)) > 0.02


def test_the_distance_grows_with_blur(picture: Picture) -> None:
    image = picture(3, 60, 60)
    distances = [distance(image, blurred(image, sigma)) for sigma in (0.4, 0.7, 1.2, 2.5)]
    assert distances == sorted(distances) and distances[0] > 1e-4 and distances[-1] > 2 * distances[0]


def test_the_distance_is_the_same_both_ways(picture: Picture) -> None:
    one, two = picture(3, 40, 48), picture(3, 60, 33, 1)
    assert distance(one, two) == pytest.approx(distance(two, one), rel=1e-3)


def test_the_distance_is_in_the_units_of_the_pixels() -> None:
    generator = torch.Generator().manual_seed(1)
    grain = torch.randn(1, 90, 90, generator=generator)
    assert distance(0.5 * grain, 0.1 * grain) == pytest.approx(0.4 * (2 / torch.pi) ** 0.5, rel=0.1)


def test_the_generator_alone_decides_also_where_patches_are_chosen(picture: Picture) -> None:
    one, two = picture(1, 120, 120), picture(1, 120, 120, 1)
    state = torch.get_rng_state()
    assert distance(one, two) == distance(one, two)
    assert torch.equal(torch.get_rng_state(), state)
    assert distance(one, one) < 0.1 * distance(one, two)
