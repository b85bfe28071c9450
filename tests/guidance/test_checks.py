from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.checks import checked_device, checked_exemplar, checked_image, checked_region


def picture(bands: int = 3, height: int = 32, width: int = 40, seed: int = 0) -> torch.Tensor:
    return torch.rand(bands, height, width, generator=torch.Generator().manual_seed(seed))


def with_value(value: float) -> torch.Tensor:
    image = picture()
    image[1, 5, 7] = value
    return image


def test_the_cpu_is_a_device_and_nonsense_is_not():
    assert checked_device("cpu") == "cpu"
    for name in ("toaster", "", "cuda:99"):
        with pytest.raises(InputError, match="not available here"):
            checked_device(name)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_good_image_becomes_a_float32_copy(dtype):
    image = picture().to(dtype).requires_grad_(True)
    checked = checked_image(image, "The image")
    assert checked.dtype == torch.float32 and not checked.requires_grad
    assert torch.equal(checked, image.detach().float())
    checked.zero_()
    assert image.max() > 0.5


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (picture()[0], r"give float values \[bands, height, width\]"),
        (picture()[None], r"give float values \[bands, height, width\]"),
        ((picture() * 255).byte(), "uint8"),
        (picture(height=31), "40×31 px"),
        (picture(width=31), "31×32 px"),
        (picture(1, 32, 2049), "2049×32 px"),
        (with_value(float("nan")), "NaN or infinite"),
        (with_value(float("inf")), "NaN or infinite"),
        (with_value(-0.01), "outside 0…1"),
        (with_value(1.01), "outside 0…1"),
        (with_value(255.0), "outside 0…1"),
        (torch.full((3, 32, 32), 0.4), "one colour only"),
        (torch.tensor([0.1, 0.5, 0.9])[:, None, None].expand(3, 32, 32), "one colour only"),
    ],
)
def test_a_bad_image_is_refused_in_one_sentence_that_names_it(image, said):
    with pytest.raises(InputError, match=said) as caught:
        checked_image(image, "The photo")
    assert str(caught.value).startswith("The photo ") and str(caught.value).endswith(".")


def test_an_image_without_bands_is_refused():
    with pytest.raises(InputError):
        checked_image(torch.zeros(0, 32, 32), "The image")


def test_the_smallest_and_the_longest_side_are_allowed():
    assert checked_image(picture(1, 32, 2048), "The image").shape == (1, 32, 2048)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 6])
def test_an_exemplar_of_the_same_bands_may_have_any_size(bands):
    exemplar = picture(bands, 50, 33, seed=1)
    assert torch.equal(checked_exemplar(exemplar, picture(bands)), exemplar)


def test_an_exemplar_takes_the_visible_bands_of_the_image():
    coloured, grey, many = picture(3, seed=1), picture(1, seed=2), picture(5, seed=3)
    torch.testing.assert_close(checked_exemplar(coloured, picture(1)), coloured.mean(0, keepdim=True))
    assert torch.equal(checked_exemplar(grey, picture(3)), grey.expand(3, -1, -1))
    assert torch.equal(checked_exemplar(many, picture(3)), many[:3])


@pytest.mark.parametrize(("theirs", "ours"), [(3, 4), (1, 4), (3, 2), (6, 4)])
def test_an_exemplar_without_the_further_bands_is_refused(theirs, ours):
    with pytest.raises(InputError, match=f"{theirs} bands and the image {ours}"):
        checked_exemplar(picture(theirs), picture(ours))


def test_a_bad_exemplar_is_named_as_such():
    with pytest.raises(InputError, match=r"^The exemplar .*one colour"):
        checked_exemplar(torch.zeros(3, 32, 32), picture())


def test_a_good_region_becomes_a_clamped_float32_copy():
    roi = torch.zeros(32, 40, dtype=torch.float64)
    roi[4:9, 6:12], roi[20, 20], roi[30, 30] = 0.5, 1.5, -2.0
    kept = roi.clone()
    checked = checked_region(roi, picture())
    assert checked.dtype == torch.float32
    assert checked[5, 7] == 0.5 and checked[20, 20] == 1.0 and checked[30, 30] == 0.0
    checked.fill_(7.0)
    assert torch.equal(roi, kept)


def test_a_region_of_truth_values_is_good():
    roi = torch.zeros(32, 40, dtype=torch.bool)
    roi[3:8, 3:8] = True
    assert torch.equal(checked_region(roi, picture()), roi.float())


@pytest.mark.parametrize(
    ("roi", "said"),
    [
        (torch.zeros(40, 32), "shape"),
        (torch.zeros(1, 32, 40), "shape"),
        (torch.zeros(32, 40), "selects nothing"),
        (torch.full((32, 40), -1.0), "selects nothing"),
        (torch.ones(32, 40), "whole picture"),
        (torch.full((32, 40), 9.0), "whole picture"),
        (torch.full((32, 40), float("nan")), "not finite"),
    ],
)
def test_a_bad_region_is_refused(roi, said):
    with pytest.raises(InputError, match=said) as caught:
        checked_region(roi, picture())
    assert str(caught.value).startswith("The region ")
