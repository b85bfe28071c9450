"""One place through several states."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs import EditSettings, edit_image, edit_sequence
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.editing import VISIBLE
from comfyui_sinddm_rs.guidance.results import Progress
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from torch import Tensor

STATES = ("A fire in the forest", "The forest is burnt")


@pytest.fixture(scope="module")
def forest() -> Tensor:
    return read_raster(scene_path("forest")).pixels[:, :128, :128]


def test_the_first_text_finds_the_place_of_all(forest: Tensor) -> None:
    told: list[Progress] = []
    settings = EditSettings(seed=3)
    during, after = edit_sequence(forest, STATES, settings=settings, progress=told.append)
    alone = edit_image(forest, STATES[0], settings=settings)
    assert torch.equal(during.image, alone.image)
    assert (during.exemplars, after.exemplars) == (("fire",), ("burn_scar",))
    there = during.changed > VISIBLE
    elsewhere = torch.nn.functional.max_pool2d(there[None, None].float(), 31, 1, 15)[0, 0] == 0
    assert elsewhere.any() and torch.equal(after.image[:, elsewhere], forest[:, elsewhere])
    assert float((after.changed > VISIBLE)[there].float().mean()) > 0.2
    shares = [now.share for now in told]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert told[0].message.startswith("state 1 of 2") and told[-1].message.startswith("state 2 of 2")


def test_a_region_is_the_place(forest: Tensor) -> None:
    region = torch.zeros(forest.shape[-2:])
    region[32:96, 40:104] = 1.0
    for result in edit_sequence(forest, STATES, roi=region):
        assert torch.equal(result.image[:, region == 0], forest[:, region == 0])
        assert result.changed_share > 0


@pytest.mark.parametrize("texts", [(), ("A fire",), "A fire"])
def test_one_text_is_no_sequence(forest: Tensor, texts: tuple[str, ...] | str) -> None:
    with pytest.raises(InputError, match="at least two texts"):
        edit_sequence(forest, texts)
