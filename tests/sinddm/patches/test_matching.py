"""Exact search against the closed form, and the candidates of the search by propagation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.patches.bank import Matches, PatchBank, PatchSource
from comfyui_sinddm_rs.sinddm.patches.matching import (
    aligned,
    anchor_costs,
    carry_to_finer,
    grid_places,
    keep_best,
    posterior_costs,
    propose,
    search_exact,
)
from comfyui_sinddm_rs.sinddm.patches.model import PatchDenoiser, PatchSettings
from comfyui_sinddm_rs.sinddm.sampling import add_noise
from comfyui_sinddm_rs.sinddm.schedule import NoiseLevel
from torch import Tensor

Picture = Callable[..., Tensor]
CPU = torch.device("cpu")
SIZE = (14, 17)
LEVEL = NoiseLevel(0.4, 0.6)
PLACES = grid_places(SIZE, 1, CPU)


@pytest.fixture(scope="module")
def bank(picture: Picture) -> PatchBank:
    prior = torch.rand(12, 13, generator=torch.Generator().manual_seed(5)) * 3 + 0.1
    prior[4:8] = 0.0
    sources = [
        PatchSource(picture(1, 16, 20)),
        PatchSource(picture(1, 12, 13, 1), prior),
        PatchSource(picture(1, 10, 11, 2), in_place=False),
    ]
    return PatchBank(sources, components=12)


@pytest.fixture(scope="module")
def query(bank: PatchBank, picture: Picture) -> Tensor:
    return bank.analyse(add_noise(picture(1, *SIZE, 3), LEVEL, torch.Generator().manual_seed(0)), 1)[0]


def closed_form(bank: PatchBank, query: Tensor, level: NoiseLevel, anchor: float) -> Tensor:
    """‖x_t − αp‖² / 2σ² − log prior + anchor · distance², for every query and every patch, in doubles."""
    costs = torch.cdist(query.double(), level.alpha * bank.features.double()).square() / (2 * level.sigma**2)
    costs = costs - bank.log_prior.double()
    row = 0
    for source, in_place in zip(bank.images, (True, True, False), strict=True):
        height, width = source.shape[-2:]
        for y in range(height):
            for x in range(width):
                if in_place:
                    dy = y / (height - 1) * (SIZE[0] - 1) - PLACES[0].double()
                    dx = x / (width - 1) * (SIZE[1] - 1) - PLACES[1].double()
                    costs[:, row] += anchor * (dy**2 + dx**2)
                row += 1
    return costs - query.double().square().sum(1, keepdim=True) / (2 * level.sigma**2)


def near(costs: Tensor, expected: Tensor) -> bool:
    return bool(torch.isclose(costs.double(), expected, atol=0.01, rtol=1e-4).all())


@pytest.mark.parametrize("anchor", [0.0, 0.2])
@pytest.mark.parametrize("level", [NoiseLevel(0.05, 0.95), LEVEL, NoiseLevel(0.9, 0.1)])
def test_exact_search_finds_the_likeliest_patches_of_the_closed_form(
    bank: PatchBank, query: Tensor, level: NoiseLevel, anchor: float
) -> None:
    expected = closed_form(bank, query, level, anchor)
    rows, costs = search_exact(bank, query, level, 6, PLACES, SIZE, anchor)
    best = expected.topk(6, largest=False)
    assert near(costs, best.values)
    assert near(costs, expected.gather(1, rows))
    assert float((rows[:, 0] == best.indices[:, 0]).double().mean()) > 0.98


@pytest.mark.parametrize("anchor", [0.0, 0.2])
def test_costs_of_candidates_are_those_of_the_closed_form(bank: PatchBank, query: Tensor, anchor: float) -> None:
    rows = torch.randint(0, len(bank), (len(query), 9), generator=torch.Generator().manual_seed(1))
    costs = posterior_costs(bank, query, rows, LEVEL) + anchor_costs(bank, rows, PLACES, SIZE, anchor)
    assert near(costs, closed_form(bank, query, LEVEL, anchor).gather(1, rows))


def test_exact_search_in_parts_is_the_same(bank: PatchBank, query: Tensor) -> None:
    whole, _ = search_exact(bank, query, LEVEL, 3, PLACES, SIZE, 60.0)
    for at in (0, 100, 237):
        place = (PLACES[0][at : at + 1], PLACES[1][at : at + 1])
        assert torch.equal(search_exact(bank, query[at : at + 1], LEVEL, 3, place, SIZE, 60.0)[0][0], whole[at])


def test_a_prior_of_zero_excludes(bank: PatchBank, query: Tensor) -> None:
    rows, _ = search_exact(bank, query, NoiseLevel(0.01, 0.99), 400, PLACES, SIZE, 0.0)
    image, y, _ = bank.position(rows)
    assert bool((image == 1).any()) and not bool(((image == 1) & (y >= 4) & (y < 8)).any())


def test_exact_search_keeps_no_more_than_there_is(bank: PatchBank, query: Tensor) -> None:
    rows, costs = search_exact(bank, query[:2], LEVEL, 10_000, (PLACES[0][:2], PLACES[1][:2]), SIZE, 0.0)
    assert rows.shape == costs.shape == (2, len(bank))
    assert torch.equal(rows.sort(1).values, torch.arange(len(bank)).expand(2, -1))
    assert bool((costs[:, 1:] >= costs[:, :-1]).all())


def test_the_anchor_pulls_home_all_but_the_patches_of_elsewhere(bank: PatchBank) -> None:
    corner = (torch.tensor([SIZE[0] - 1]), torch.tensor([SIZE[1] - 1]))
    rows = bank.row(torch.tensor([[0, 0, 1, 2]]), torch.tensor([[0, 15, 11, 0]]), torch.tensor([[0, 19, 12, 0]]))
    farthest = 7.0 * (13**2 + 16**2)
    assert anchor_costs(bank, rows, corner, SIZE, 7.0)[0].tolist() == pytest.approx([farthest, 0.0, 0.0, 0.0], abs=1e-6)


def test_grid_places_go_row_by_row() -> None:
    y, x = grid_places((2, 3), 4, CPU)
    assert y.tolist() == [0, 0, 0, 4, 4, 4] and x.tolist() == [0, 4, 8, 0, 4, 8]


def test_keep_best_returns_distinct_rows_cheapest_first() -> None:
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(5, 12, generator=generator)
    rows = torch.cat([torch.stack([torch.randperm(12, generator=generator) for _ in range(5)])] * 2, 1)
    kept, costs = keep_best(rows, table.gather(1, rows), 4)
    expected = table.topk(4, largest=False)
    assert torch.equal(kept, expected.indices) and torch.equal(costs, expected.values)


def test_keep_best_gives_repetitions_no_weight() -> None:
    rows, costs = keep_best(torch.tensor([[7, 3, 7, 7]]), torch.tensor([[2.0, 5.0, 2.0, 2.0]]), 3)
    assert rows[0, :2].tolist() == [7, 3]
    assert torch.softmax(-costs, 1)[0, 2] == 0.0


def test_aligned_is_the_same_place_of_every_image(bank: PatchBank) -> None:
    rows = aligned(bank, PLACES, SIZE)
    assert rows.shape == (SIZE[0] * SIZE[1], 3)
    for index in range(3):
        image, y, x = bank.position(rows[:, index].contiguous())
        assert bool((image == index).all())
        assert float((y / bank.heights[index] - PLACES[0] / SIZE[0]).abs().max()) < 1 / 10
        assert float((x / bank.widths[index] - PLACES[1] / SIZE[1]).abs().max()) < 1 / 10


def test_aligned_in_an_image_of_the_same_size_is_the_place_itself(picture: Picture) -> None:
    same = PatchBank([PatchSource(picture(1, *SIZE))], components=4)
    assert torch.equal(aligned(same, PLACES, SIZE)[:, 0], torch.arange(len(same)))


@pytest.mark.parametrize("stride", [1, 2])
def test_matches_are_carried_with_their_scale(picture: Picture, stride: int) -> None:
    fine = PatchBank([PatchSource(picture(1, 40, 48))], components=4)
    grid = (20, 24)
    y, x = grid_places(grid, 1, CPU)
    shifted_y, shifted_x = (y + 3).clamp(max=19), (x - 4).clamp(min=0)
    coarse = Matches(torch.zeros_like(y)[:, None], shifted_y[:, None], shifted_x[:, None], grid, 1)
    fine_grid = (40 // stride, 48 // stride)
    rows = carry_to_finer(fine, coarse, fine_grid, stride, (40, 48), (20, 24))
    home_y, home_x = grid_places(fine_grid, stride, CPU)
    _, at_y, at_x = fine.position(rows[:, 0])
    inside = (home_y < 32) & (home_x > 9)
    assert bool((at_y - home_y == 6)[inside].all()) and bool((at_x - home_x == -8)[inside].all())


def test_neighbours_propose_their_own_shift(picture: Picture) -> None:
    bank = PatchBank([PatchSource(picture(1, 30, 30))], components=4)
    grid, stride, jump = (10, 10), 2, 2
    y, x = grid_places(grid, stride, CPU)
    shift = torch.zeros(10, 10, dtype=torch.long)
    shift[5, 5] = 4
    matched_y = y + shift.reshape(-1)
    matches = Matches(*(v[:, None] for v in (torch.zeros_like(y), matched_y, x)), grid, stride)
    candidates = propose(bank, matches, jump, 3, torch.Generator().manual_seed(0))
    assert candidates.shape == (100, 6) and int(candidates.min()) >= 0 and int(candidates.max()) < len(bank)
    for down, right in ((jump, 0), (-jump, 0), (0, jump), (0, -jump)):
        place = (5 + down) * 10 + 5 + right
        _, at_y, at_x = bank.position(candidates[place])
        assert (int(y[place]) + 4, int(x[place])) in list(zip(at_y.tolist(), at_x.tolist(), strict=True))


def test_random_proposals_stay_near_and_follow_their_generator(picture: Picture) -> None:
    bank = PatchBank([PatchSource(picture(1, 30, 30))], components=4)
    y, x = grid_places((30, 30), 1, CPU)
    matches = Matches(torch.zeros_like(y)[:, None], y[:, None], x[:, None], (30, 30), 1)
    first, again, other = (propose(bank, matches, 1, 8, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first[:, 4:], other[:, 4:])
    _, at_y, at_x = bank.position(first[:, 4:].contiguous())
    reach = torch.maximum((at_y - y[:, None]).abs(), (at_x - x[:, None]).abs()).max(0).values
    assert reach.tolist() == [8, 2]


@pytest.mark.parametrize("anchor", [0.0, 0.2])
def test_the_quick_search_comes_near_the_exact_one(picture: Picture, anchor: float) -> None:
    image = picture(1, 48, 48)
    model = PatchDenoiser(image, settings=PatchSettings(coarsest_side=24, exact_below=0, anchor=anchor))
    generator = torch.Generator().manual_seed(0)
    coarse, fine = model.sizes((48, 48))
    before = model.stage(0, coarse, None)
    before.predict(add_noise(model.bank(0).images[0], NoiseLevel(0.7, 0.3), generator), NoiseLevel(0.7, 0.3))
    stage = model.stage(1, fine, before)
    for sigma in (0.5, 0.4, 0.3, 0.2):
        level = NoiseLevel(1 - sigma, sigma)
        noisy = add_noise(image, level, generator)
        stage.predict(noisy, level)
    assert stage.matches is not None and stage.matches.stride == 2
    bank = model.bank(1)
    features, grid = bank.analyse(noisy, 2)
    home = grid_places(grid, 2, CPU)
    rows = bank.row(stage.matches.image, stage.matches.y, stage.matches.x)[:, :1].contiguous()
    found = posterior_costs(bank, features, rows, level) + anchor_costs(bank, rows, home, fine, anchor)
    least = search_exact(bank, features, level, 1, home, fine, anchor)[1]
    noise = features.square().sum(1, keepdim=True) / (2 * level.sigma**2)
    ratio = (found + noise) / (least + noise)
    assert float(ratio.min()) > 0.999
    assert float(ratio.median()) < 1.01 and float(ratio.quantile(0.9)) < 1.2
