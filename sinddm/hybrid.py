"""Two models of one image in one run: one lays out the coarse scales, the other paints the fine ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .denoiser import Denoiser, Stage
from .model import NetworkDenoiser, SinDDMModel
from .patches import PatchDenoiser
from .pyramid import Size
from .schedule import NoiseLevel

TAKEOVER = 0.6
"""The network paints the scales of at least this share of the full size, patches lay out what is smaller (docs/model.md
has the measurements of this and of the other orders)."""


class HybridDenoiser:
    """``coarse`` on its scales below ``takeover`` of the full size, ``fine`` on its scales from there up."""

    def __init__(self, coarse: Denoiser, fine: Denoiser, takeover: float = TAKEOVER) -> None:
        self.channels = coarse.channels
        self._coarse, self._fine, self._takeover = coarse, fine, takeover
        self._plan: list[tuple[Denoiser, int]] = []

    def sizes(self, size: Size) -> list[Size]:
        least = self._takeover * min(size)
        coarse, fine = self._coarse.sizes(size), self._fine.sizes(size)
        laid = [scale for scale, each in enumerate(coarse) if min(each) < least]
        painted = [scale for scale, each in enumerate(fine) if min(each) >= least]
        self._plan = [(self._coarse, scale) for scale in laid] + [(self._fine, scale) for scale in painted]
        return [coarse[scale] for scale in laid] + [fine[scale] for scale in painted]

    def levels(self, scale: int, start: float | None) -> Sequence[NoiseLevel]:
        model, own = self._plan[scale]
        return model.levels(own, start)

    def stage(self, scale: int, size: Size, previous: Any | None, coarse: Tensor | None, /) -> Stage:
        model, own = self._plan[scale]
        same = scale > 0 and self._plan[scale - 1][0] is model
        return model.stage(own, size, previous if same else None, coarse)


def model_denoiser(model: SinDDMModel, seed: int = 0) -> HybridDenoiser:
    """What samples from a trained model by default: its picture's patches, then its network."""
    return HybridDenoiser(PatchDenoiser(model.image, seed=seed), NetworkDenoiser(model))
