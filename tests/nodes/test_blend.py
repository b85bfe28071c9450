"""Blending as a node."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.blending import MODES, blend
from comfyui_sinddm_rs.nodes.blend import SinDDMBlend
from torch import Tensor


def images(count: int, seed: int = 0, size: tuple[int, int] = (31, 46)) -> Tensor:
    return torch.rand(count, *size, 3, generator=torch.Generator().manual_seed(seed))


def run(**inputs: Any) -> Tensor:
    given = {"original": images(2), "edited": images(1, 1), "mode": "feather", "feather": 3}
    mask = torch.zeros(1, 31, 46)
    mask[:, 5:20, 9:30] = 1
    with torch.inference_mode():  # as ComfyUI does
        (blended,) = SinDDMBlend().blend(**{"mask": mask, **given, **inputs})
    return blended


@pytest.mark.parametrize("mode", MODES)
def test_one_edit_and_one_mask_serve_a_batch(mode: str) -> None:
    blended, original, edited = run(mode=mode), images(2), images(1, 1)[0].permute(2, 0, 1)
    mask = torch.zeros(31, 46)
    mask[5:20, 9:30] = 1
    for each, before in zip(blended, original, strict=True):
        assert torch.equal(each.permute(2, 0, 1), blend(before.permute(2, 0, 1), edited, mask, mode, 3))


def test_a_file_without_transparency_means_the_whole_image() -> None:
    assert torch.equal(run(mask=torch.zeros(1, 64, 64)), images(1, 1).repeat(2, 1, 1, 1))


def test_a_mask_of_another_size_is_resized() -> None:
    mask = torch.zeros(62, 92)
    mask[:, :46] = 1
    blended = run(mask=mask, mode="hard")
    assert torch.equal(blended[:, :, :23], images(1, 1).repeat(2, 1, 1, 1)[:, :, :23])
    assert torch.equal(blended[:, :, 23:], images(2)[:, :, 23:])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"original": {"an": "image"}}, "The input 'original' is a dict"),
        ({"edited": torch.zeros(0, 31, 46, 3)}, "The input 'edited' is a tensor"),
        ({"edited": images(3)}, "'edited' is a batch of 3 for 2 originals"),
        ({"edited": images(1, 1, (30, 46))}, "The edited image is"),
        ({"mask": torch.ones(3, 31, 46)}, "'mask' is a batch of 3 for 2 images"),
        ({"mask": torch.full((1, 31, 46), float("nan"))}, "'mask' holds NaN"),
        ({"mode": "none"}, "no blend mode 'none'"),
        ({"feather": 1000}, "feather of 1000"),
    ],
)
def test_what_cannot_be_blended_is_named(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(**inputs)
