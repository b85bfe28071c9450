"""The network itself; its agreement with the published numbers is in test_published_numbers.py."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.sinddm.network.architecture import RECEPTIVE_FIELD, SinDDMNet, new_network, sinusoidal_embedding
from torch import nn


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_one_output_pixel_sees_the_receptive_field() -> None:
    network = new_network(8, 1, generator())
    x = torch.randn(1, 1, 61, 61, generator=generator(), requires_grad=True)
    network(x, 5, 1)[0, 0, 30, 30].backward()
    assert x.grad is not None
    seen = x.grad[0, 0].abs() > 0
    reach = (RECEPTIVE_FIELD - 2) // 2
    assert bool(seen[30 - reach].any()) and bool(seen[30 + reach].any())
    seen[30 - reach : 30 + reach + 1, 30 - reach : 30 + reach + 1] = False
    assert not bool(seen.any())


def test_each_picture_has_its_own_step_and_scale() -> None:
    network = new_network(8, 3, generator())
    x = torch.randn(3, 3, 20, 24, generator=generator())
    with torch.no_grad():
        together = network(x, torch.tensor([1, 50, 99]), torch.tensor([0, 2, 1]))
        for index, (t, s) in enumerate(((1, 0), (50, 2), (99, 1))):
            torch.testing.assert_close(together[index : index + 1], network(x[index : index + 1], t, s))
        assert not torch.allclose(network(x, 1, 0), network(x, 60, 0))
        assert not torch.allclose(network(x, 1, 0), network(x, 1, 3))


def test_embeddings_begin_with_the_quickest_sine() -> None:
    embedded = sinusoidal_embedding(torch.tensor([0, 1]), 8)
    assert embedded[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert float(embedded[1, 0]) == pytest.approx(0.841471) and float(embedded[1, 3]) == pytest.approx(1e-4, rel=1e-3)


def test_new_weights_are_spread_as_torch_spreads_them_and_leave_the_global_state() -> None:
    before = torch.random.get_rng_state()
    ours = new_network(32, 3, generator())
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the spread of some hundred weights differs by several percent from draw to draw
        theirs = SinDDMNet(32, 3)
    for own, its in zip(ours.modules(), theirs.modules(), strict=True):
        if isinstance(own, nn.Conv2d | nn.Linear) and own.weight.numel() > 2000:
            assert isinstance(its, nn.Conv2d | nn.Linear)
            assert float(own.weight.detach().std()) == pytest.approx(float(its.weight.detach().std()), rel=0.1)
            assert float(own.weight.detach().abs().max()) == pytest.approx(
                float(its.weight.detach().abs().max()), rel=0.1
            )
