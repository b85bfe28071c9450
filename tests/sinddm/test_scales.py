"""The scales of the trained network, in our measure; the published ones are in test_published_numbers.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.pyramid import resize
from comfyui_sinddm_rs.sinddm.scales import (
    COARSEST_SIDES,
    FACTOR,
    LEAST_DETAIL,
    measured_scales,
    scale_layout,
    scaled_sizes,
    scales_like,
)
from torch import Tensor

Picture = Callable[..., Tensor]


@pytest.mark.parametrize("size", [(35, 35), (50, 400), (128, 128), (256, 256), (600, 800), (2000, 2000)])
def test_the_layout_begins_small_ends_full_and_steps_by_about_the_factor(size: tuple[int, int]) -> None:
    sizes, factor = scale_layout(size)
    assert sizes[-1] == size and len(sizes) >= 1
    if len(sizes) > 1:
        assert COARSEST_SIDES[0] <= min(sizes[0]) <= COARSEST_SIDES[1]
        assert 1.15 < factor < 1.75
    assert factor == FACTOR or len(sizes) > 1
    assert scaled_sizes((2 * size[0], size[1]), len(sizes), factor)[0][1] == sizes[0][1]


def test_pictures_of_the_scales(picture: Picture) -> None:
    image = picture(4, 90, 120)
    scales = measured_scales(image)
    assert torch.equal(scales.sharp[-1], image) and torch.equal(scales.blurred[0], scales.sharp[0])
    assert len(scales) == len(scales.details) + 1 and all(each >= LEAST_DETAIL for each in scales.details)
    for sharp, blurred, size in zip(scales.sharp, scales.blurred, scales.sizes, strict=True):
        assert sharp.shape == blurred.shape == (4, *size)


def test_detail_does_not_depend_on_the_size(picture: Picture) -> None:
    small = picture(3, 150, 150)
    large = torch.cat([torch.cat([small, small.flip(-1)], -1), torch.cat([small.flip(-2), small.flip(-1, -2)], -1)], -2)
    assert measured_scales(large).details[-1] == pytest.approx(measured_scales(small).details[-1], rel=0.1)


def test_a_smooth_picture_still_has_some_detail(picture: Picture) -> None:
    smooth = resize(picture(1, 8, 8), (120, 120))
    assert measured_scales(smooth).details[-1] == LEAST_DETAIL


def test_an_exemplar_is_brought_to_the_same_resolutions(picture: Picture) -> None:
    scales = measured_scales(picture(3, 120, 130))
    other = scales_like(picture(3, 100, 90), scales)
    assert len(other) == len(scales) and other.sizes[-1] == (100, 90)
    assert other.sizes[0][0] / 100 == pytest.approx(scales.sizes[0][0] / 120, rel=0.03)
