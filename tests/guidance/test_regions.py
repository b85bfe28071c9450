from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.regions import CONTEXT, LEAST_WINDOW, Window, whole, window_around


def region(size: tuple[int, int], top: int, left: int, bottom: int, right: int) -> torch.Tensor:
    mask = torch.zeros(size)
    mask[top:bottom, left:right] = 1.0
    return mask


def test_the_whole_picture_is_a_window():
    picture = torch.rand(3, 40, 50)
    assert whole((40, 50)) == Window(0, 0, 40, 50)
    assert torch.equal(whole((40, 50)).cut(picture), picture)


def test_cut_and_paste_are_inverse_and_leave_their_arguments_alone():
    picture = torch.rand(3, 40, 50)
    kept, window = picture.clone(), Window(5, 7, 25, 17)
    part = window.cut(picture)
    assert part.shape == (3, 20, 10) and torch.equal(part, picture[:, 5:25, 7:17])
    assert torch.equal(window.paste(picture, part), picture)
    pasted = window.paste(picture, torch.full((3, 20, 10), 2.0))
    assert torch.equal(picture, kept)
    assert (window.cut(pasted) == 2.0).all() and int((pasted == 2.0).sum()) == 600
    assert window.paste(torch.zeros(40, 50), torch.ones(20, 10)).sum() == 200


def test_a_large_region_gets_context_on_each_side():
    window = window_around(region((600, 800), 200, 300, 300, 460))
    margin = round(CONTEXT * 160)
    assert window == Window(200 - margin, 300 - margin, 300 + margin, 460 + margin)


def test_a_small_region_gets_the_least_window_around_it():
    window = window_around(region((600, 800), 200, 300, 210, 306))
    for low, high, middle in ((window.top, window.bottom, 205), (window.left, window.right, 303)):
        assert LEAST_WINDOW <= high - low <= LEAST_WINDOW + 1
        assert (low + high) / 2 == pytest.approx(middle, abs=1)


@pytest.mark.parametrize("corner", [(0, 0), (0, 790), (590, 0), (590, 790)])
def test_at_the_border_the_context_comes_from_the_other_side(corner):
    top, left = corner
    window = window_around(region((600, 800), top, left, top + 10, left + 10))
    assert window.bottom - window.top >= LEAST_WINDOW and window.right - window.left >= LEAST_WINDOW
    assert window.top == 0 if top == 0 else window.bottom == 600
    assert window.left == 0 if left == 0 else window.right == 800


def test_a_picture_smaller_than_the_least_window_is_taken_whole():
    assert window_around(region((40, 64), 10, 10, 20, 20)) == whole((40, 64))


def test_separate_spots_and_soft_values_share_one_window():
    mask = torch.zeros(500, 500)
    mask[100, 120] = 0.01
    mask[300, 200] = 1.0
    window = window_around(mask)
    assert window.top < 100 and window.bottom > 301 and window.left < 120 and window.right > 201
    assert window.cut(mask).sum() == mask.sum()


@pytest.mark.parametrize("seed", range(40))
def test_any_window_lies_in_the_image_and_holds_its_region(seed):
    height, width, y, x = torch.randint(32, 400, (4,), generator=torch.Generator().manual_seed(seed)).tolist()
    top, left = y % height, x % width
    bottom, right = top + 1 + (x * 7) % (height - top), left + 1 + (y * 5) % (width - left)
    window = window_around(region((height, width), top, left, bottom, right))
    assert 0 <= window.top <= top < bottom <= window.bottom <= height
    assert 0 <= window.left <= left < right <= window.right <= width
    assert window.bottom - window.top >= min(LEAST_WINDOW, height)
    assert window.right - window.left >= min(LEAST_WINDOW, width)
