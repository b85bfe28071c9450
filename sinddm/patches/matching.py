"""Which clean patches a noisy picture may have come from: exact search, and search by propagation.

The distances are those of the closed-form posterior over patches p: ‖x_t − αp‖² / 2σ² − log prior(p).
Propagation follows PatchMatch (Barnes et al., doi:10.1145/1531326.1531330): good matches are handed to neighbours
and from coarse scales to fine ones, so the cost is linear in the number of pixels and runs on any torch device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...rasters.memory import in_parts
from ..pyramid import Size
from ..schedule import NoiseLevel
from .bank import Matches, PatchBank

_COSTS_AT_ONCE = 24_000_000
_QUERIES_AT_ONCE = 16_384


def posterior_costs(bank: PatchBank, features: Tensor, rows: Tensor, level: NoiseLevel) -> Tensor:
    """−log posterior (up to a constant per query) of ``rows`` [Q, K] for ``features`` [Q, D], float [Q, K]."""
    alpha, variance = level.alpha, level.sigma**2

    def dots_of(part: slice) -> Tensor:
        return torch.einsum("qd,qkd->qk", features[part], bank.features[rows[part]])

    # In parts, since the features of all candidates of all queries would be most of an edit's memory.
    dots = torch.cat(in_parts(dots_of, len(rows), _QUERIES_AT_ONCE))
    return (alpha * alpha * bank.energy[rows] - 2 * alpha * dots) / (2 * variance) - bank.log_prior[rows]


def anchor_costs(bank: PatchBank, rows: Tensor, home: tuple[Tensor, Tensor], size: Size, anchor: float) -> Tensor:
    """``anchor`` × squared distance, in pixels, between where a patch belongs and the query's place: [Q, K].

    0 for patches of images of elsewhere. rows: int64 [Q, K]. home: y and x of each query, [Q] each, within ``size``.
    """
    pulled, y, x = _belongs(bank, rows, size)
    return anchor * pulled * ((y - home[0][:, None]).square() + (x - home[1][:, None]).square())


def _belongs(bank: PatchBank, rows: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor]:
    """Whether a patch has a place in an output of ``size`` (not those of elsewhere), and its y and x: as ``rows``."""
    image, y, x = bank.position(rows)
    return (
        bank.in_place[image],
        y * (max(size[0] - 1, 1) / (bank.heights[image] - 1).clamp_min(1)),
        x * (max(size[1] - 1, 1) / (bank.widths[image] - 1).clamp_min(1)),
    )


def grid_places(grid: Size, stride: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel coordinates (y, x), int64 [Q] each, of a query grid's places, row by row."""
    y, x = torch.meshgrid(
        torch.arange(grid[0], device=device) * stride,
        torch.arange(grid[1], device=device) * stride,
        indexing="ij",
    )
    return y.reshape(-1), x.reshape(-1)


def exact_costs(
    bank: PatchBank, features: Tensor, level: NoiseLevel, home: tuple[Tensor, Tensor], size: Size, anchor: float
) -> Tensor:
    """−log posterior, anchor included, of every patch of the bank for each query, float [Q, N]."""
    alpha, variance = level.alpha, level.sigma**2
    pulled, y, x = _belongs(bank, torch.arange(len(bank), device=features.device), size)
    pull = anchor * pulled
    # Squares of distances are expanded about the middle: large ones would cancel badly in single precision.
    y, x = y - 0.5 * size[0], x - 0.5 * size[1]
    home_y, home_x = home[0] - 0.5 * size[0], home[1] - 0.5 * size[1]
    own = alpha * alpha * bank.energy / (2 * variance) - bank.log_prior + pull * (y**2 + x**2)
    # The likelihood and the anchor share one matrix product: both are inner products with the query.
    left = torch.column_stack([features * (alpha / variance), home_y, home_x, home_y**2 + home_x**2])
    right = torch.column_stack([bank.features, 2 * pull * y, 2 * pull * x, -pull])
    return own - left @ right.T


def search_exact(
    bank: PatchBank,
    features: Tensor,
    level: NoiseLevel,
    keep: int,
    home: tuple[Tensor, Tensor],
    size: Size,
    anchor: float,
) -> tuple[Tensor, Tensor]:
    """The ``keep`` likeliest patches of the whole bank for each query, best first: rows (int64) and costs, [Q, K]."""

    def cheapest(part: slice) -> tuple[Tensor, Tensor]:
        costs = exact_costs(bank, features[part], level, (home[0][part], home[1][part]), size, anchor)
        values, rows = costs.topk(min(keep, len(bank)), dim=1, largest=False)
        return rows, values

    found = in_parts(cheapest, len(features), max(1, _COSTS_AT_ONCE // len(bank)))
    return torch.cat([rows for rows, _ in found]), torch.cat([costs for _, costs in found])


def carry_to_finer(bank: PatchBank, coarse: Matches, grid: Size, stride: int, size: Size, coarse_size: Size) -> Tensor:
    """Rows [Q, K] of ``bank`` where the coarser scale's matches lead on a finer query grid.

    The finer bank's images are the same ones at a finer scale, so a match scales with its image.
    """
    device = coarse.y.device
    y, x = grid_places(grid, stride, device)
    step_y, step_x = size[0] / coarse_size[0], size[1] / coarse_size[1]
    cell_y = ((y / step_y) / coarse.stride).round().long().clamp(0, coarse.grid[0] - 1)
    cell_x = ((x / step_x) / coarse.stride).round().long().clamp(0, coarse.grid[1] - 1)
    cell = cell_y * coarse.grid[1] + cell_x
    image = coarse.image[cell]
    rest_y = y[:, None] - (cell_y * coarse.stride * step_y)[:, None]
    rest_x = x[:, None] - (cell_x * coarse.stride * step_x)[:, None]
    match_y = (coarse.y[cell] * step_y + rest_y).round().long()
    match_x = (coarse.x[cell] * step_x + rest_x).round().long()
    return bank.row(image, _inside(match_y, bank.heights[image]), _inside(match_x, bank.widths[image]))


def _inside(values: Tensor, length: Tensor) -> Tensor:
    return torch.minimum(values.clamp_min(0), length - 1)


def propose(bank: PatchBank, matches: Matches, jump: int, reach: int, generator: torch.Generator) -> Tensor:
    """Candidate rows [Q, 6] near the present best: the four neighbours' matches shifted back, and two random steps."""
    rows, columns = matches.grid
    best = [v[:, 0].reshape(rows, columns) for v in (matches.image, matches.y, matches.x)]
    candidates = []
    for dy, dx in ((jump, 0), (-jump, 0), (0, jump), (0, -jump)):
        image, y, x = (torch.roll(v, (dy, dx), (0, 1)).reshape(-1) for v in best)
        y = _inside(y + dy * matches.stride, bank.heights[image])
        x = _inside(x + dx * matches.stride, bank.widths[image])
        candidates.append(bank.row(image, y, x))
    image, y, x = (v.reshape(-1) for v in best)
    for radius in (reach, max(1, reach // 4)):
        shift = torch.randint(-radius, radius + 1, (2, y.numel()), generator=generator).to(y.device)
        candidates.append(
            bank.row(image, _inside(y + shift[0], bank.heights[image]), _inside(x + shift[1], bank.widths[image]))
        )
    return torch.stack(candidates, 1)


def aligned(bank: PatchBank, home: tuple[Tensor, Tensor], size: Size) -> Tensor:
    """Rows [Q, images]: the patch at the query's own place in every image."""
    columns = []
    for index in range(len(bank.images)):
        height, width = int(bank.heights[index]), int(bank.widths[index])
        y = (home[0] * height // size[0]).clamp(0, height - 1)
        x = (home[1] * width // size[1]).clamp(0, width - 1)
        columns.append(bank.row(torch.full_like(y, index), y, x))
    return torch.stack(columns, 1)


def keep_best(rows: Tensor, costs: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """The ``keep`` cheapest distinct candidates of each query, best first: rows and costs, [Q, keep].

    rows: int64 [Q, K]. costs: float [Q, K].
    """
    rows, order = rows.sort(dim=1)
    costs = costs.gather(1, order)
    repeated = torch.zeros_like(rows, dtype=torch.bool)
    repeated[:, 1:] = rows[:, 1:] == rows[:, :-1]
    costs = costs.masked_fill(repeated, float("inf"))
    best, index = costs.topk(min(keep, rows.shape[1]), dim=1, largest=False)
    return rows.gather(1, index), best
