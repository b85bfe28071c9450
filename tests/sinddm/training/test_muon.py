"""Muon: orthogonal updates for the filters, Adam's for the rest."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.sinddm.network.architecture import new_network
from comfyui_sinddm_rs.sinddm.training.muon import Muon, orthogonal


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (20, 20)])
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=generator())
    found = orthogonal(matrix)
    values = torch.linalg.svdvals(found)
    assert found.shape == shape and float(values.min()) > 0.3 and float(values.max()) < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    across = u.T @ found @ v.T
    assert float((across - torch.diag(across.diagonal())).abs().max()) < 1e-3


def test_filters_and_the_rest_are_told_apart_and_all_learn() -> None:
    network = new_network(8, 3, generator())
    optimiser = Muon(network, 0.1, 0.01)
    filters, others = (group["params"] for group in optimiser.param_groups)
    assert len(filters) == 8 and all(each.shape[-2:] == (3, 3) for each in filters)
    assert len(filters) + len(others) == len(list(network.parameters()))
    before = [each.detach().clone() for each in network.parameters()]
    x = torch.randn(2, 3, 16, 16, generator=generator())
    losses = []
    for _ in range(8):
        loss = (network(x, 3, 1) - x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert not any(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_the_rest_learns_as_torch_adam() -> None:
    ours, theirs = (new_network(8, 3, generator()) for _ in range(2))
    optimiser = Muon(ours, 0.0, 0.01)
    chosen = {id(each) for each in optimiser.param_groups[1]["params"]}
    twins = [b for a, b in zip(ours.parameters(), theirs.parameters(), strict=True) if id(a) in chosen]
    adam = torch.optim.Adam(twins, lr=0.01)
    x = torch.randn(1, 3, 12, 12, generator=generator(1))
    for _ in range(3):
        for network, step in ((ours, optimiser), (theirs, adam)):
            step.zero_grad()
            network(x, 5, 0).square().mean().backward()
            step.step()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, its)
