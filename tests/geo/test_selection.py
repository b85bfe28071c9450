"""What is to be edited of a raster, before any pixel is read: its window, region and files."""

from __future__ import annotations

from comfyui_sinddm_rs.geo.selection import with_context
from comfyui_sinddm_rs.guidance.regions import Window


def test_context_stays_within_the_scene() -> None:
    assert with_context(Window(200, 300, 240, 400), (1000, 1000)) == Window(150, 250, 290, 450)
    assert with_context(Window(0, 0, 10, 10), (1000, 1000)) == Window(0, 0, 53, 53)
    assert with_context(Window(1000, 1000, 3000, 3000), (4000, 4000)) == Window(488, 488, 3512, 3512)
    assert with_context(Window(0, 0, 50, 50), (60, 50)) == Window(0, 0, 60, 50)
