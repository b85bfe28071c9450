"""Progress of our work → ComfyUI's progress bar, with the picture so far as its preview."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from ..guidance.results import Progress
from ..rasters.layout import as_rgb, channels_first, eight_bit
from ..sinddm.network.model import NetworkDenoiser
from ..sinddm.new_scene import scene_from
from ..sinddm.pyramid import resize
from ..sinddm.sampling import Step, Watch
from ..sinddm.training.curves import loss_curve
from ..sinddm.training.loop import Training, TrainStep
from ..sinddm.value_range import to_unit

TICKS = 1000
PREVIEW_SIDE = 512
FIRST_PREVIEW = 2.0
"""Seconds of training before the first preview."""
PREVIEW_SHARE = 0.03
"""Share of a training's time that its previews may take."""
PREVIEW_STEPS = (8, 2)

Report = Callable[[Progress], None]


def progress_bar(count: int) -> Callable[[int], Report]:
    """One bar over ``count`` pieces of work; ``progress_bar(count)(i)`` takes the progress of the one with index i.

    ComfyUI's own hook in the bar raises when the user has cancelled, which ends the work.
    """
    from comfy.utils import ProgressBar  # noqa: PLC0415 (exists inside ComfyUI only)

    bar = ProgressBar(TICKS * count)

    def of(index: int) -> Report:
        def show(progress: Progress) -> None:
            preview = None if progress.preview is None else ("JPEG", picture(progress.preview), PREVIEW_SIDE)
            bar.update_absolute(round(TICKS * (index + progress.share)), preview=preview)

        return show

    return of


def sampling_watch(report: Report) -> Watch:
    """Tells of every step of one sampling run."""

    def watch(clean: Tensor, step: Step) -> None:
        share = (step.scale + (step.index + 1) / step.steps) / step.scales
        report(Progress(share, "sampling", as_rgb(to_unit(clean))))

    return watch


class TrainingWatch:
    """Tells of every step of a training, and now and then shows a new scene above the loss so far."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._due = FIRST_PREVIEW

    def __call__(self, step: TrainStep, training: Training) -> None:
        done = Progress(step.seconds / (step.seconds + step.remaining), "training")
        self._report(done)
        if step.seconds >= self._due:
            begun = time.perf_counter()
            preview = self._preview(training, done)
            self._due = step.seconds + (time.perf_counter() - begun) / PREVIEW_SHARE
            self._report(Progress(done.share, done.message, preview))

    def _preview(self, training: Training, done: Progress) -> Tensor:
        """Float [3, H, W] in 0…1."""
        model = training.model().to(training.settings.device)
        scene = scene_from(
            NetworkDenoiser(model, PREVIEW_STEPS),
            model.size,
            training.settings.seed,
            training.settings.device,
            lambda _clean, _step: self._report(done),  # which ends here when the user cancels
        )
        curve = loss_picture(training.losses)
        side = int(curve.shape[-1])
        height, width = (max(1, round(length * side / max(model.size))) for length in model.size)
        centred = pad(
            resize(as_rgb(scene), (height, width)), [(side - width) // 2, side - width - (side - width) // 2], value=1.0
        )
        return torch.cat([centred, curve], dim=1)


def loss_picture(losses: list[float]) -> Tensor:
    """The curve of a training's losses, float [3, H, W] in 0…1."""
    with Image.open(io.BytesIO(loss_curve(losses))) as drawn:
        return channels_first(torch.from_numpy(np.array(drawn.convert("RGB")))).float() / 255.0


def picture(pixels: Tensor) -> Image.Image:
    """float [3, H, W] in 0…1 as an 8-bit picture."""
    return Image.fromarray(eight_bit(pixels))
