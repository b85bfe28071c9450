"""Progress of an edit → ComfyUI's progress bar, with the picture so far as its preview."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from torch import Tensor

from ..guidance.results import Progress
from ..rasters.layout import channels_last

TICKS = 1000
PREVIEW_SIDE = 512


def progress_bar(count: int) -> Callable[[int], Callable[[Progress], None]]:
    """One bar over ``count`` edits; ``progress_bar(count)(i)`` takes the progress of the edit with index i.

    ComfyUI's own hook in the bar raises when the user has cancelled, which ends the edit.
    """
    from comfy.utils import ProgressBar  # noqa: PLC0415 (exists inside ComfyUI only)

    bar = ProgressBar(TICKS * count)

    def of(index: int) -> Callable[[Progress], None]:
        def show(progress: Progress) -> None:
            preview = None if progress.preview is None else ("JPEG", picture(progress.preview), PREVIEW_SIDE)
            bar.update_absolute(round(TICKS * (index + progress.share)), preview=preview)

        return show

    return of


def picture(pixels: Tensor) -> Image.Image:
    """float [3, H, W] in 0…1 as an 8-bit picture."""
    values = channels_last(pixels.detach().cpu().clamp(0, 1) * 255).round()
    return Image.fromarray(values.numpy().astype(np.uint8))
