"""How much of a scene's own relief the plan of a large edit leaves."""

from __future__ import annotations

import torch
from comfyui_sinddm_rs.geo.painting import _relief, _roughness
from torch import Tensor


def picture(seed: int) -> Tensor:
    return torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(seed))


def test_thin_smoke_leaves_its_part_of_the_relief() -> None:
    scene = picture(0)
    smoke = 0.3 * scene + 0.7 * 0.8
    torch.testing.assert_close(_relief(smoke, scene), torch.full((40, 40), 0.3), atol=0.01, rtol=0.0)
    torch.testing.assert_close(_roughness(smoke, scene), torch.full((40, 40), 0.3), atol=0.01, rtol=0.0)


def test_flames_have_a_relief_of_their_own_and_water_has_none() -> None:
    scene = picture(0)
    flames, water = picture(1), torch.full((3, 40, 40), 0.4)
    assert float(_relief(flames, scene).mean()) < 0.2 and float(_roughness(flames, scene).mean()) > 0.8
    assert float(_relief(water, scene).max()) < 0.01 and float(_roughness(water, scene).max()) < 0.01


def test_an_unchanged_place_keeps_all_of_it() -> None:
    assert float(_relief(picture(0), picture(0)).min()) > 0.99
