"""The instant model: the optimal denoiser of an image's patches in closed form, no training.

For a finite set of patches the posterior mean is known: E[p | x_t] = Σ w_p p with w_p ∝ prior(p) ·
exp(−‖x_t − αp‖² / 2σ²) (after Qiu, Kutulakos, Lindell, arXiv 2606.04299). Further images ("exemplars") add patches,
and a prior per patch says how welcome each is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..pyramid import Size, replace_lows, resize, scale_sizes, size_of
from ..schedule import NoiseLevel, flow_levels
from .bank import Matches, PatchBank, PatchSource
from .matching import (
    aligned,
    anchor_costs,
    carry_to_finer,
    exact_costs,
    grid_places,
    keep_best,
    posterior_costs,
    propose,
    search_exact,
)

SPREAD_ABOVE = 0.75
"""Noise above which the posterior spreads over all patches; below, the likeliest few hold all of its weight."""
STARTS = (1.0, 0.7, 0.5)
"""Share of noise at which a new scene begins on each scale, the last value from there on."""
LIKELIEST = 8
"""Times ``PatchSettings.keep``: the patches that an exact search mixes."""


@dataclass(frozen=True)
class PatchSettings:
    """How the patches are searched.

    coarsest_side: least short side of scale 0, pixels.
    exact_below: a scale whose queries × patches are fewer is searched exactly.
    keep: candidates kept per place. steps: noise levels per scale.
    anchor: cost of using a patch from one pixel of the finest scale beside its home; grows with the square of the
        distance (0: anywhere, for new scenes; 1: edits keep what is finer than the coarsest scale can show).
    """

    coarsest_side: int = 28
    exact_below: int = 24_000_000
    keep: int = 4
    steps: int = 10
    anchor: float = 0.0


class PatchDenoiser:
    """Closed-form :class:`~.denoiser.Denoiser` of ``image`` (float [C, H, W] in −1…1).

    exemplars: further images of the same channels, of any size, at the same ground resolution.
    compared: patches are compared by so many leading bands (None: all); the others, such as a map of what a patch
        shows, follow them into the result.
    prior: float [H, W] ≥ 0, how likely each patch of the image itself is (None: all alike; 0: never painted with).
    """

    def __init__(
        self,
        image: Tensor,
        exemplars: Sequence[PatchSource] = (),
        settings: PatchSettings | None = None,
        seed: int = 0,
        compared: int | None = None,
        prior: Tensor | None = None,
    ) -> None:
        self.settings = settings or PatchSettings()
        self.image = image
        self.channels = int(image.shape[0])
        self._sources = (PatchSource(image, prior), *exemplars)
        self._native = size_of(image)
        self._scales = len(scale_sizes(self._native, self.settings.coarsest_side))
        self._banks: dict[int, PatchBank] = {}
        self._seed = seed
        self._compared = compared

    def sizes(self, size: Size) -> list[Size]:
        """As many scales as the image itself has, whatever the output's size, so that patches keep their scale."""
        return [
            (max(2, round(size[0] / 2**down)), max(2, round(size[1] / 2**down)))
            for down in reversed(range(self._scales))
        ]

    def _pixel(self, scale: int) -> int:
        """Side of a pixel of ``scale`` in those of the finest."""
        return int(2 ** (self._scales - 1 - scale))

    def levels(self, scale: int, start: float | None) -> Sequence[NoiseLevel]:
        start = STARTS[min(scale, len(STARTS) - 1)] if start is None else start
        return flow_levels(start, self.settings.steps if scale < self._scales - 1 else max(3, self.settings.steps // 2))

    def bank(self, scale: int) -> PatchBank:
        """The patches at ``scale``, built once."""
        if scale not in self._banks:
            self._banks[scale] = PatchBank(
                [_reduced(source, self._pixel(scale)) for source in self._sources], compared=self._compared
            )
        return self._banks[scale]

    def stage(self, scale: int, size: Size, previous: PatchStage | None, coarse: Tensor | None = None, /) -> PatchStage:
        settings = replace(self.settings, anchor=self.settings.anchor * self._pixel(scale) ** 2)
        return PatchStage(self.bank(scale), size, previous, coarse, settings, self._seed + scale)


def _reduced(source: PatchSource, down: int) -> PatchSource:
    size = (max(2, round(source.image.shape[-2] / down)), max(2, round(source.image.shape[-1] / down)))
    prior = None if source.prior is None else resize(source.prior[None], size)[0].clamp_min(0.0)
    return PatchSource(resize(source.image, size), prior, source.in_place)


class PatchStage:
    """One scale of one run, a :class:`~.denoiser.Stage`.

    It remembers which patches matched last, as the next search's starting point. ``settings.anchor`` is for pixels of
    this scale.
    """

    renewal = 0.0

    def __init__(
        self,
        bank: PatchBank,
        size: Size,
        previous: PatchStage | None,
        coarse: Tensor | None,
        settings: PatchSettings,
        seed: int,
    ) -> None:
        self._coarse = coarse
        self._bank, self._size, self._settings = bank, size, settings
        self._exact = size[0] * size[1] * len(bank) <= settings.exact_below or previous is None
        self._stride = 1 if self._exact and size[0] * size[1] <= 4096 else 2
        self._generator = torch.Generator().manual_seed(seed)
        self._previous = previous
        self._rows: Tensor | None = None
        self._turn = 0
        self.matches: Matches | None = None

    def predict(self, noisy: Tensor, level: NoiseLevel) -> Tensor:
        """Posterior mean of the clean image, float [C, H, W] in −1…1."""
        bank, settings = self._bank, self._settings
        features, grid = bank.analyse(noisy, self._stride)
        home = grid_places(grid, self._stride, features.device)
        if self._exact and level.sigma > SPREAD_ABOVE and len(features) * len(bank) <= settings.exact_below:
            costs = exact_costs(bank, features, level, home, self._size, settings.anchor)
            likeliest = costs.topk(min(settings.keep, len(bank)), dim=1, largest=False).indices
            self.matches = Matches(*bank.position(likeliest), grid, self._stride)
            return bank.paint_every(torch.softmax(-costs, dim=1), self._stride, self._size)
        if self._exact:
            rows, costs = search_exact(
                bank, features, level, LIKELIEST * settings.keep, home, self._size, settings.anchor
            )
        else:
            rows, costs = self._search_near(features, grid, home, level)
        self.matches = Matches(*bank.position(rows), grid, self._stride)
        return bank.paint(self.matches, torch.softmax(-costs, dim=1), self._size)

    def settled(self, clean: Tensor, /) -> Tensor:
        """``clean`` [C, H, W] with the coarser scale's low frequencies; patches only add to them."""
        return clean if self._coarse is None else replace_lows(clean, self._coarse)

    def noiseless(self, clean: Tensor, _level: NoiseLevel, /) -> Tensor:
        return clean

    def _search_near(
        self, features: Tensor, grid: Size, home: tuple[Tensor, Tensor], level: NoiseLevel
    ) -> tuple[Tensor, Tensor]:
        bank, settings = self._bank, self._settings
        if self._rows is None:
            assert self._previous is not None and self._previous.matches is not None
            coarse = self._previous.matches
            self._rows = carry_to_finer(
                bank, coarse.first(settings.keep), grid, self._stride, self._size, self._previous._size
            )
        rows = self._rows
        for jump in (1, 2):
            near = propose(
                bank,
                Matches(*bank.position(rows), grid, self._stride),
                jump << (self._turn % 2),
                8,
                self._generator,
            )
            pools = [rows, near]
            if settings.anchor > 0:
                pools.append(aligned(bank, home, self._size))
            pool = torch.cat(pools, 1)
            costs = posterior_costs(bank, features, pool, level)
            if settings.anchor > 0:
                costs = costs + anchor_costs(bank, pool, home, self._size, settings.anchor)
            rows, costs = keep_best(pool, costs, settings.keep)
        self._turn += 1
        self._rows = rows
        return rows, costs
