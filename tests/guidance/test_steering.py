"""Steers, with a guide of colours."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.guidance.steering import in_turn, keep_outside, on_bands, text_gradient, toward_text
from comfyui_sinddm_rs.sinddm.sampling import Step
from comfyui_sinddm_rs.sinddm.schedule import NoiseLevel
from torch import Tensor

COARSE = Step(0, 3, 2, 10, NoiseLevel(0.5, 0.5))


def picture() -> Tensor:
    return torch.rand(3, 40, 44, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_step_toward_red_reddens_inside_the_mask_alone(colour_guide: Guide) -> None:
    mask = torch.zeros(40, 44)
    mask[10:30, 10:30] = 1.0
    before = picture()
    after = toward_text(colour_guide, colour_guide.embed_texts(["red"])[0], 0.1, mask, generator())(before, COARSE)
    moved = after - before
    assert float(moved[0, 12:28, 12:28].mean()) > 0.0 > float(moved[1:, 12:28, 12:28].mean())
    assert float(moved[:, mask == 0].abs().max()) == 0.0


def test_a_step_is_a_fixed_share_of_the_picture(colour_guide: Guide) -> None:
    mask, before = torch.ones(40, 44), picture()
    after = toward_text(colour_guide, colour_guide.embed_texts(["blue"])[0], 0.1, mask, generator())(before, COARSE)
    assert float((after - before).norm() / before.norm()) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("step", [Step(2, 3, 0, 10, NoiseLevel(0.5, 0.5)), Step(0, 3, 9, 10, NoiseLevel(0.9, 0.1))])
def test_neither_the_finest_scale_nor_a_last_step_is_guided(colour_guide: Guide, step: Step) -> None:
    steer = toward_text(colour_guide, colour_guide.embed_texts(["red"])[0], 0.1, torch.ones(40, 44), generator())
    assert torch.equal(steer(picture(), step), picture())


def test_gradient_leaves_bands_alone_that_the_guide_does_not_see(colour_guide: Guide) -> None:
    bands = torch.cat([picture(), picture()])
    gradient = text_gradient(colour_guide, colour_guide.embed_texts(["green"])[0], bands, generator(), 4)
    assert gradient.shape == bands.shape
    assert float(gradient[3:].abs().max()) == 0.0
    assert float(gradient[1].mean()) > 0.0


def test_keep_outside() -> None:
    mask = torch.zeros(40, 44)
    mask[:, 20:] = 1.0
    other = -picture()
    kept = keep_outside(picture(), mask)(other, COARSE)
    assert torch.equal(kept[:, :, :20], picture()[:, :, :20])
    torch.testing.assert_close(kept[:, :, 20:], other[:, :, 20:])


def test_on_bands_and_in_turn() -> None:
    doubled = on_bands(2, in_turn(lambda clean, _: clean + 1.0, lambda clean, _: clean * 2.0))
    after = doubled(picture(), COARSE)
    assert torch.equal(after[:2], (picture()[:2] + 1.0) * 2.0)
    assert torch.equal(after[2:], picture()[2:])
