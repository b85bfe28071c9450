from __future__ import annotations

import logging

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.nodes.types import (
    InstantModel,
    from_changed_mask,
    from_image,
    from_mask,
    from_model,
    from_trained,
    to_image,
    to_mask,
)
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel

PICTURES = [torch.zeros(3, 40, 50), torch.zeros(3, 40, 50)]


def test_image_goes_in_and_out_unchanged() -> None:
    image = torch.rand(2, 40, 50, 4, generator=torch.Generator().manual_seed(0))
    pictures = from_image(image)
    assert [tuple(picture.shape) for picture in pictures] == [(4, 40, 50)] * 2
    assert torch.equal(pictures[1][2], image[1, :, :, 2])
    assert torch.equal(to_image(pictures), image)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_copies_that_gradients_can_pass(channels: int) -> None:
    with torch.inference_mode():
        image = torch.ones(1, 40, 50, channels)
        with torch.inference_mode(False), torch.enable_grad():
            (picture,) = from_image(image)
            (region,) = from_mask(image[..., 0] * 0.5, [picture])
            picture.requires_grad_().square().sum().backward()
            assert region is not None
            region.mul_(0)
    assert picture.grad is not None
    assert torch.equal(image, torch.ones(1, 40, 50, channels))


@pytest.mark.parametrize("image", [{"not": "an image"}, None, torch.zeros(40, 50, 3), torch.zeros(0, 40, 50, 3)])
def test_what_is_no_image_is_named(image: object) -> None:
    with pytest.raises(InputError, match=r"^The input 'image' is a .*; connect the IMAGE output of another node\.$"):
        from_image(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("mask", ["circle", torch.zeros(1, 40, 50, 3)])
def test_what_is_no_mask_is_named(mask: object) -> None:
    with pytest.raises(InputError, match=r"^The input 'mask' is a .*; connect the MASK output of another node\.$"):
        from_mask(mask, PICTURES)  # type: ignore[arg-type]


def test_models_of_both_kinds_and_nothing_else(trained: SinDDMModel) -> None:
    instant = InstantModel(PICTURES[0])
    assert from_model(instant) is instant and from_model(trained) is trained and from_trained(trained) is trained
    for value in ({"network": 1}, None, torch.zeros(1)):
        for check in (from_model, from_trained):
            with pytest.raises(InputError, match=r"^The input 'model' is a .*; connect SinDDM Instant Model, .*\.$"):
                check(value)
    with pytest.raises(InputError, match="is an instant model"):
        from_trained(instant)


def test_a_mask_that_is_no_number_is_named() -> None:
    with pytest.raises(InputError, match="The input 'mask' holds NaN or infinite values"):
        from_mask(torch.full((1, 40, 50), float("inf")), PICTURES)


def test_no_mask_and_a_mask_of_everything_mean_the_whole_image() -> None:
    assert from_mask(None, PICTURES) == [None, None]
    assert from_mask(torch.zeros(1, 64, 64), PICTURES) == [None, None], "what LoadImage gives for an opaque file"
    assert from_mask(torch.ones(1, 40, 50), PICTURES) == [None, None]


@pytest.mark.parametrize("shape", [(1, 40, 50), (2, 40, 50), (1, 80, 100), (64, 65)])
def test_a_mask_that_selects_nothing_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="The input 'mask' is empty"):
        from_mask(torch.zeros(shape), PICTURES)
    assert from_changed_mask(torch.zeros(shape), PICTURES) == [None, None]


def test_an_edit_may_have_changed_all() -> None:
    (region,) = from_changed_mask(torch.ones(1, 40, 50), PICTURES[:1])
    assert region is not None
    assert torch.equal(region, torch.ones(40, 50))


def test_masks_of_a_segmentation_with_a_channel_are_masks() -> None:
    mask = torch.zeros(2, 1, 40, 50)
    mask[:, :, :10] = 1
    first, second = from_mask(mask, PICTURES)
    assert first is not None and second is not None
    assert torch.equal(torch.stack([first, second]), mask[:, 0])


def test_one_mask_serves_all_images_and_a_mask_each_serves_its_own() -> None:
    left, right = torch.zeros(40, 50), torch.zeros(40, 50)
    left[:, :10], right[:, 40:] = 1, 0.5
    one = from_mask(left, PICTURES)
    assert one[0] is not None
    assert one[1] is not None
    assert torch.equal(one[0], left)
    assert torch.equal(one[1], left)
    each = from_mask(torch.stack([left, right]), PICTURES)
    assert each[1] is not None
    assert torch.equal(each[1], right)
    assert torch.equal(to_mask([left, right]), torch.stack([left, right]))


def test_another_number_of_masks_is_refused() -> None:
    with pytest.raises(InputError, match="The input 'mask' is a batch of 3 for 2 images; give one, or one for each"):
        from_mask(torch.ones(3, 40, 50), PICTURES)


def test_mask_of_another_size_is_resized_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    mask = torch.zeros(1, 80, 100)
    mask[:, 40:] = 1
    with caplog.at_level(logging.INFO):
        (region,) = from_mask(mask, PICTURES[:1])
    assert region is not None
    assert tuple(region.shape) == (40, 50)
    assert region[:20].max() == 0
    assert region[20:].min() == 1
    assert "100×80 px was resized to 50×40 px" in caplog.text


def test_what_resamplers_swing_beyond_the_range_is_cut_and_other_units_are_left_to_be_refused() -> None:
    image = torch.full((1, 40, 50, 3), 0.5)
    image[0, 0, 0], image[0, 1, 1] = 1.07, -0.03
    (picture,) = from_image(image)
    assert (picture.min(), picture.max()) == (0.0, 1.0)
    (bytes_,) = from_image(image * 255)
    assert bytes_.max() > 200
