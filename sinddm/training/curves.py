"""Curves as pictures, for people to look at."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

WIDTH, HEIGHT, MARGIN = 720, 420, 56
COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189), (140, 86, 75), (227, 119, 194))
WINDOW = 25
"""Steps whose mean is one point of a loss curve."""

Points = Sequence[tuple[float, float]]


def loss_curve(losses: Sequence[float]) -> bytes:
    """A PNG of the loss of every step, smoothed over WINDOW steps."""
    starts = range(0, len(losses), max(1, min(WINDOW, len(losses) // 20)))
    width = starts.step
    points = [(begin + width / 2, sum(part) / len(part)) for begin in starts if (part := losses[begin : begin + width])]
    return plot({"mean |noise - predicted noise|": points}, "step", "loss")


def plot(curves: Mapping[str, Points], x_label: str, y_label: str, *, log_x: bool = False) -> bytes:
    """A PNG of named curves over common axes; with ``log_x`` every x must be above 0."""
    place = math.log10 if log_x else float
    xs = [place(x) for points in curves.values() for x, _ in points] or [0.0]
    ys = [y for points in curves.values() for _, y in points] or [0.0]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)
    right, high = max(right, left + 1e-9), max(high, low + 1e-9)
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(sheet)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (place(x) - left) / (right - left)
        up = (y - low) / (high - low)
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)

    pen.rectangle((MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN), outline=(160, 160, 160))
    for i in range(5):
        value = low + (high - low) * i / 4
        height = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * i / 4
        pen.text((6, height - 6), f"{value:.3g}", fill=(60, 60, 60))
        across = left + (right - left) * i / 4
        pen.text(
            (MARGIN + (WIDTH - 2 * MARGIN) * i / 4 - 12, HEIGHT - MARGIN + 6),
            f"{10**across if log_x else across:.3g}",
            fill=(60, 60, 60),
        )
    for index, (name, points) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        if len(points) > 1:
            pen.line([at(*point) for point in points], fill=colour, width=2)
        for point in points if len(points) <= 40 else ():
            x, y = at(*point)
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
        pen.text((MARGIN + 12, MARGIN + 8 + 16 * index), name, fill=colour)
    pen.text((WIDTH // 2 - 3 * len(x_label), HEIGHT - 24), x_label, fill=(0, 0, 0))
    pen.text((6, MARGIN - 24), y_label, fill=(0, 0, 0))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()
