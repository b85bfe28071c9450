"""Two models of one image in one run: one lays out the coarse scales, the other paints the fine ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .denoiser import Denoiser, Stage
from .network.model import NetworkDenoiser, SinDDMModel
from .patches.model import PatchDenoiser
from .pyramid import Size
from .schedule import NoiseLevel


@dataclass(frozen=True)
class Shares:
    """Who works where, as shares of the full size: the first model on its scales up to ``until``, the second on its
    scales from ``begin`` on.
    """

    until: float
    begin: float


NEW_SCENE = Shares(until=0.6, begin=0.6)
"""docs/model.md has the measurements of this and of other orders."""
EDIT = Shares(until=1.0, begin=0.95)
"""Patches bring an event's detail with them; the network only goes over the finest scale once more."""


class HybridDenoiser:
    """``coarse`` lays out the picture, ``fine`` paints it, on the scales that ``shares`` gives them.

    A :class:`~.denoiser.Denoiser` itself.
    """

    def __init__(self, coarse: Denoiser, fine: Denoiser, shares: Shares = NEW_SCENE) -> None:
        self.channels = coarse.channels
        self._coarse, self._fine, self._shares = coarse, fine, shares
        self._plan: list[tuple[Denoiser, int]] = []

    def sizes(self, size: Size) -> list[Size]:
        full = min(size)
        coarse, fine = self._coarse.sizes(size), self._fine.sizes(size)
        laid = [scale for scale, each in enumerate(coarse) if min(each) <= self._shares.until * full]
        painted = [scale for scale, each in enumerate(fine) if min(each) >= self._shares.begin * full]
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
