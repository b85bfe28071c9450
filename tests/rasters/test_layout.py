"""Layouts turn into each other without loss."""

from __future__ import annotations

import numpy as np
import torch
from comfyui_sinddm_rs.rasters.layout import as_rgb, channels_first, channels_last, eight_bit


def test_round_trip() -> None:
    images = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    assert channels_last(images).shape == (2, 4, 5, 3)
    assert torch.equal(channels_first(channels_last(images)), images)
    assert torch.equal(channels_last(images[0])[1, 2], images[0, :, 1, 2])


def test_visible_colours() -> None:
    bands = torch.arange(4).view(4, 1, 1).expand(4, 6, 7)
    assert as_rgb(bands)[:, 0, 0].tolist() == [0, 1, 2]
    assert as_rgb(bands[1:3])[:, 0, 0].tolist() == [1, 1, 1]
    assert as_rgb(bands[None]).shape == (1, 3, 6, 7)


def test_eight_bits_are_rounded_and_cut_off() -> None:
    pixels = torch.tensor([-0.5, 0.0, 0.499 / 255, 0.501 / 255, 1.0, 1.5]).reshape(3, 1, 2)
    values = eight_bit(pixels)
    assert values.dtype == np.uint8 and values.tolist() == [[[0, 0, 255], [0, 1, 255]]]
