"""Two models of one image in one run: one lays out the coarse scales, the other paints the fine ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .denoiser import Denoiser, Stage
from .pyramid import Size
from .schedule import NoiseLevel


class HybridDenoiser:
    """``coarse`` up to where ``fine`` takes over: at the coarsest scale of ``fine`` whose short side is at least
    ``takeover`` times that of its full size.
    """

    def __init__(self, coarse: Denoiser, fine: Denoiser, takeover: float) -> None:
        self.channels = coarse.channels
        self._coarse, self._fine, self._takeover = coarse, fine, takeover
        self._plan: list[tuple[Denoiser, int]] = []

    def sizes(self, size: Size) -> list[Size]:
        least = self._takeover * min(size) * 0.999
        fine = self._fine.sizes(size)
        kept = [scale for scale, each in enumerate(fine) if min(each) >= least]
        coarse = self._coarse.sizes(size)
        laid = [scale for scale, each in enumerate(coarse) if min(each) < min(fine[kept[0]])]
        self._plan = [(self._coarse, scale) for scale in laid] + [(self._fine, scale) for scale in kept]
        return [coarse[scale] for scale in laid] + [fine[scale] for scale in kept]

    def levels(self, scale: int, start: float | None) -> Sequence[NoiseLevel]:
        model, own = self._plan[scale]
        return model.levels(own, start)

    def stage(self, scale: int, size: Size, previous: Any | None, coarse: Tensor | None, /) -> Stage:
        model, own = self._plan[scale]
        same = scale > 0 and self._plan[scale - 1][0] is model
        return model.stage(own, size, previous if same else None, coarse)
