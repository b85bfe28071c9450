"""What the sampler asks of a model of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from .pyramid import Size
from .schedule import NoiseLevel


class Stage(Protocol):
    """A denoiser at work on one scale of one sampling run; what it learns along the run lives and dies with it."""

    def predict(self, noisy: Tensor, level: NoiseLevel) -> Tensor:
        """The expected clean image x̂_0, float [C, H, W] in −1…1, given x_t = ``noisy`` at ``level``."""
        ...


class Denoiser(Protocol):
    """A model of one image: predicts x̂_0 from x_t at any scale and output size."""

    channels: int

    def sizes(self, size: Size) -> list[Size]:
        """The sizes of the scales, coarsest first, for an output of ``size``."""
        ...

    def levels(self, scale: int, start: float) -> Sequence[NoiseLevel]:
        """The noise levels to visit at ``scale`` when sampling begins at noise ``start``, noisiest first."""
        ...

    def stage(self, scale: int, size: Size, previous: Any | None) -> Stage:
        """Begin work on ``scale``; ``previous`` is this run's stage on the coarser scale, if there was one."""
        ...
