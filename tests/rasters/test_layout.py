"""Layouts turn into each other without loss."""

from __future__ import annotations

import torch
from comfyui_sinddm_rs.rasters.layout import as_rgb, channels_first, channels_last


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
