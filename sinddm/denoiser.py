"""What the sampler asks of a model of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from .pyramid import Size
from .schedule import NoiseLevel


class Stage(Protocol):
    """A denoiser at work on one scale of one sampling run; what it learns along the run lives and dies with it.

    renewal: how much of the noise is drawn anew at each step, from 0 (deterministic, DDIM) to 1 (as DDPM).
    """

    renewal: float

    def predict(self, noisy: Tensor, level: NoiseLevel) -> Tensor:
        """The expected clean image x̂_0, float [C, H, W] in −1…1, given x_t = ``noisy`` at ``level``."""
        ...

    def settled(self, clean: Tensor, /) -> Tensor:
        """x̂_0 [C, H, W] brought into line with the coarser scale; asked for on every step of a scale but its last."""
        ...

    def noiseless(self, clean: Tensor, level: NoiseLevel, /) -> Tensor:
        """What lies under the noise at ``level`` where x̂_0 is ``clean``, [C, H, W] both.

        Itself, or a blend with what it grew from.
        """
        ...


class Denoiser(Protocol):
    """A model of one image: predicts x̂_0 from x_t at any scale and output size."""

    channels: int

    def sizes(self, size: Size) -> list[Size]:
        """The sizes of the scales, coarsest first, for an output of ``size``."""
        ...

    def levels(self, scale: int, start: float | None, /) -> Sequence[NoiseLevel]:
        """The noise levels to visit at ``scale``, noisiest first.

        start: share of noise σ / (α + σ) to begin at, 0…1; None leaves it to the model.
        """
        ...

    def stage(self, scale: int, size: Size, previous: Any | None, coarse: Tensor | None, /) -> Stage:
        """Begin work on ``scale``.

        previous: this run's stage on the coarser scale, if there was one. coarse: the picture that it finished.
        """
        ...
