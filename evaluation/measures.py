"""What an edit did to a picture, measured without a guide: where it changed, sharpness, seam, diversity."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from ..guidance.masks import blur

VISIBLE = 0.05
"""Change of a band, 0…1, over about a pixel around, from which a place counts as changed: 13 of 255 grey levels."""
FLAT = 1 / 255
"""Least gradient that others are compared with: below one step of 8 bits there is none."""


def changed_region(edited: Tensor, source: Tensor, region: Tensor | None) -> Tensor:
    """Where a method was to edit or, if it could edit everywhere, where it visibly did: float [H, W] of 0 and 1.

    edited, source: float [C, H, W] in 0…1. region: float [H, W], above 0 = could change; None is the whole picture.
    """
    if region is not None:
        return (region > 0).float()
    return (blur((edited - source).abs().amax(0), 1.0) > VISIBLE).float()


def sharpness_ratio(edited: Tensor, source: Tensor, region: Tensor) -> float | None:
    """Gradient energy of ``edited`` over that of ``source`` inside ``region``: 1 = as sharp as the place was.

    The energy of the gradient (a focus measure, see Pertuz et al., doi:10.1016/j.patcog.2012.11.011) is the mean
    squared difference of neighbours that both lie inside, over all bands. edited, source: float [C, H, W] in 0…1;
    region: [H, W], above 0 = inside. Against the source rather than the surroundings: a roof and its garden differ by
    nature, an edit may change everything, and what softens the whole picture would go unnoticed. None where no two
    neighbours lie inside.
    """
    return _ratio(_gradient_energy(edited, region > 0), _gradient_energy(source, region > 0))


def in_out_sharpness(edited: Tensor, region: Tensor) -> float | None:
    """Gradient energy of ``edited`` [C, H, W] inside ``region`` [H, W] over that outside it; None without either."""
    return _ratio(_gradient_energy(edited, region > 0), _gradient_energy(edited, region <= 0))


def seam_energy(edited: Tensor, source: Tensor, region: Tensor) -> float | None:
    """Mean absolute difference across the border of ``region``, over what it is in ``source`` anywhere: 1 = no seam.

    edited, source: float [C, H, W] in 0…1; region: [H, W], above 0 = inside. The reference is what the same border
    would meet on average at every place of the source, with as many steps across and down; there is nothing to draw.
    A border that follows an edge of the scene is above 1 in the source itself, so compare with
    ``seam_energy(source, source, region)``. None for a region without a border.
    """
    inside = region > 0
    across, down = (_crossing(inside, dim) for dim in (-1, -2))
    steps = int(across.sum()), int(down.sum())
    if sum(steps) == 0:
        return None
    met = edited.diff(dim=-1).abs()[:, across].sum() + edited.diff(dim=-2).abs()[:, down].sum()
    usual = sum(
        count * float(source.diff(dim=dim).abs().double().mean()) for count, dim in zip(steps, (-1, -2), strict=True)
    )
    return float(met.double()) / len(edited) / max(usual, sum(steps) * FLAT)


def diversity(edits: Sequence[Tensor], region: Tensor) -> float | None:
    """Mean distance of any two edits [C, H, W] of different seeds inside ``region`` [H, W] > 0: root mean square.

    0 for equal edits, in the units of the pixels. None for less than two edits or an empty region.
    """
    inside = region > 0
    if len(edits) < 2 or not bool(inside.any()):
        return None
    pairs = [(one[:, inside] - other[:, inside]).square().mean().sqrt() for one, other in combinations(edits, 2)]
    return float(torch.stack(pairs).mean())


def _crossing(inside: Tensor, dim: int) -> Tensor:
    """Which steps to the next pixel along ``dim`` cross the border of ``inside`` [H, W]."""
    return inside.int().diff(dim=dim) != 0


def _gradient_energy(image: Tensor, inside: Tensor) -> float | None:
    """Mean squared difference of neighbours that both lie ``inside`` [H, W], over all bands; None where none do."""
    across = image.diff(dim=-1)[:, inside[:, :-1] & inside[:, 1:]]
    down = image.diff(dim=-2)[:, inside[:-1] & inside[1:]]
    every = torch.cat([across.flatten(), down.flatten()]).double()
    return None if every.numel() == 0 else float(every.square().mean())


def _ratio(energy: float | None, other: float | None) -> float | None:
    return None if energy is None or other is None else energy / max(other, FLAT**2)
