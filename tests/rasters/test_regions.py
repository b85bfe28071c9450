"""Masks and rectangles: white is edited, and what selects nothing or everything is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.rasters.regions import check_mask, parse_roi, read_mask, read_roi
from PIL import Image

SIZE = (40, 50)


def half() -> np.ndarray:
    values = np.zeros(SIZE, np.uint8)
    values[:20] = 255
    return values


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
@pytest.mark.parametrize("name", ["m.png", "m.tif"])
def test_white_is_edited(tmp_path: Path, mode: str, name: str) -> None:
    Image.fromarray(half()).convert(mode).save(tmp_path / name)
    mask = read_mask(tmp_path / name, SIZE)
    torch.testing.assert_close(mask, torch.from_numpy(half() / 255).float())


def test_jpeg_ringing_does_not_spread_the_edit(tmp_path: Path) -> None:
    Image.fromarray(half()).save(tmp_path / "m.jpg", quality=85)
    mask = read_mask(tmp_path / "m.jpg", SIZE)
    assert bool((mask[26:] == 0).all()) and bool((mask[:14] == 1).all())


def test_soft_values_stay(tmp_path: Path) -> None:
    values = half()
    values[20:] = 128
    Image.fromarray(values).save(tmp_path / "m.png")
    assert float(read_mask(tmp_path / "m.png", SIZE)[30, 0]) == pytest.approx(128 / 255)


def test_alpha_counts_where_the_colours_say_nothing(tmp_path: Path) -> None:
    values = np.zeros((*SIZE, 4), np.uint8)
    values[..., 3] = half()
    Image.fromarray(values).save(tmp_path / "m.png")
    assert float(read_mask(tmp_path / "m.png", SIZE).mean()) == 0.5


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.zeros(SIZE, np.uint8), "selects nothing"),
        (np.full(SIZE, 255, np.uint8), "covers the whole picture"),
        (half()[:30], "the same size"),
    ],
)
def test_unusable_masks(tmp_path: Path, values: np.ndarray, word: str) -> None:
    Image.fromarray(values).save(tmp_path / "m.png")
    with pytest.raises(InputError, match=word) as caught:
        read_mask(tmp_path / "m.png", SIZE)
    assert str(tmp_path / "m.png") in str(caught.value)


def test_check_mask_names_its_source() -> None:
    with pytest.raises(InputError, match=r"^The socket selects nothing"):
        check_mask(torch.zeros(SIZE), "The socket")


@pytest.mark.parametrize("text", ["10,5,20,30", " 10, 5 ,20, 30 "])
def test_rectangle(text: str) -> None:
    mask = read_roi(text, SIZE)
    assert float(mask.sum()) == 600 and float(mask[5:35, 10:30].min()) == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1,2,3", "not x,y,w,h"),
        ("1.5,2,3,4", "not x,y,w,h"),
        ("1,2,0,4", "no area"),
        ("-1,2,3,4", "off the picture of 50×40 px"),
        ("40,30,11,5", "off the picture"),
        ("900,900,5,5", "off the picture"),
        ("0,0,50,40", "covers the whole picture"),
    ],
)
def test_unusable_rectangles(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        parse_roi(text, SIZE)


def test_a_name_is_a_mask_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_roi(str(tmp_path / "gone.png"), SIZE)
