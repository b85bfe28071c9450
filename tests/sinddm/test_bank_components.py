"""The components that patches are compared in."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.sinddm import bank


def test_few_components_of_many_bands_are_those_of_the_whole_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.rand(2, 40, 40, generator=generator)
    image = torch.cat([base, 1.0 - base, 0.5 * base[:1] + 0.1 * torch.rand(1, 40, 40, generator=generator)])
    whole = bank.principal_patches([image], 10).flatten(1)
    monkeypatch.setattr(bank, "_SOLVED_WHOLE", 100)
    few = bank.principal_patches([image], 10).flatten(1)
    assert torch.equal(few, bank.principal_patches([image], 10).flatten(1))
    torch.testing.assert_close(few @ few.T, torch.eye(10), atol=1e-4, rtol=0.0)
    torch.testing.assert_close((few @ whole.T).abs(), torch.eye(10), atol=1e-2, rtol=0.0)
