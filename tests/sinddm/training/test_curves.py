"""Curves: PNGs whose lines are where the numbers say."""

from __future__ import annotations

import io

import numpy as np
from comfyui_sinddm_rs.sinddm.training.curves import COLOURS, HEIGHT, MARGIN, WIDTH, loss_curve, plot
from PIL import Image


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def coloured(png: bytes, index: int) -> np.ndarray:
    """(row, column) of the pixels of a curve, its name in the legend left out."""
    found = np.argwhere((pixels(png) == COLOURS[index]).all(-1))
    return found[(found[:, 0] > MARGIN + 60) | (found[:, 1] > MARGIN + 260)]


def test_a_falling_curve_falls_and_spans_the_frame() -> None:
    places = coloured(plot({"a": [(0, 1.0), (100, 0.0)]}, "x", "y"), 0)
    left, right = places[places[:, 1].argmin()], places[places[:, 1].argmax()]
    assert abs(right[0] - (HEIGHT - MARGIN)) <= 3 and abs(right[1] - (WIDTH - MARGIN)) <= 3
    assert left[0] < right[0]


def test_a_logarithmic_axis_spreads_powers_evenly() -> None:
    places = coloured(plot({"a": [(1, 0.0), (10, 0.0), (100, 1.0)]}, "x", "y", log_x=True), 0)
    bend = places[places[:, 0] >= HEIGHT - MARGIN - 3][:, 1].max()
    assert abs(bend - WIDTH / 2) < 12


def test_short_flat_and_empty_series_have_a_picture() -> None:
    for losses in ([], [0.5], [0.5, 0.5], list(np.linspace(1, 0, 1000))):
        assert pixels(loss_curve(losses)).shape == (HEIGHT, WIDTH, 3)
    assert pixels(plot({}, "x", "y")).shape == (HEIGHT, WIDTH, 3)
