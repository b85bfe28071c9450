"""Steers, with a guide of colours."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.guidance.steering import (
    Origin,
    Wish,
    in_turn,
    keep_outside,
    on_bands,
    remember,
    text_gradient,
    toward_text,
)
from comfyui_sinddm_rs.guidance.views import Views
from comfyui_sinddm_rs.sinddm.sampling import Step
from comfyui_sinddm_rs.sinddm.schedule import NoiseLevel
from torch import Tensor

COARSE = Step(0, 3, 2, 10, NoiseLevel(0.5, 0.5))


def picture() -> Tensor:
    return torch.rand(3, 40, 44, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def wish(guide: Guide, text: str) -> Wish:
    target = guide.embed_texts([text])[0]
    return Wish(guide, target, target)


def test_a_step_toward_red_reddens_inside_the_mask_alone(colour_guide: Guide) -> None:
    mask = torch.zeros(40, 44)
    mask[10:30, 10:30] = 1.0
    before = picture()
    after = toward_text(wish(colour_guide, "red"), 0.1, mask, generator(), Views(4))(before, COARSE)
    moved = after - before
    assert float(moved[0, 12:28, 12:28].mean()) > 0.0 > float(moved[1:, 12:28, 12:28].mean())
    assert float(moved[:, mask == 0].abs().max()) == 0.0


def test_a_step_is_a_fixed_share_of_the_picture(colour_guide: Guide) -> None:
    mask, before = torch.ones(40, 44), picture()
    after = toward_text(wish(colour_guide, "blue"), 0.1, mask, generator(), Views(4))(before, COARSE)
    assert float((after - before).norm() / before.norm()) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("step", [Step(2, 3, 0, 10, NoiseLevel(0.5, 0.5)), Step(0, 3, 9, 10, NoiseLevel(0.9, 0.1))])
def test_neither_the_finest_scale_nor_a_last_step_is_guided(colour_guide: Guide, step: Step) -> None:
    steer = toward_text(wish(colour_guide, "red"), 0.1, torch.ones(40, 44), generator(), Views(4))
    assert torch.equal(steer(picture(), step), picture())


def test_gradient_leaves_bands_alone_that_the_guide_does_not_see(colour_guide: Guide) -> None:
    bands = torch.cat([picture(), picture()])
    gradient = text_gradient(wish(colour_guide, "green"), bands, 0, generator(), Views(4))
    assert gradient.shape == bands.shape
    assert float(gradient[3:].abs().max()) == 0.0
    assert float(gradient[1].mean()) > 0.0


def test_the_coarsest_scale_has_a_wish_of_its_own(colour_guide: Guide) -> None:
    red, blue = colour_guide.embed_texts(["red", "blue"])
    both = Wish(colour_guide, coarse=red, fine=blue)
    coarse, fine = (text_gradient(both, picture(), scale, generator(), Views(4)).mean((1, 2)) for scale in (0, 1))
    assert coarse[0] > 0 > coarse[2] and fine[2] > 0 > fine[0]


def test_a_directional_wish_looks_at_the_way_and_not_at_the_place(colour_guide: Guide) -> None:
    red, white, green = colour_guide.embed_texts(["red", "white", "green"])
    directional = Wish(colour_guide, red, red, Origin(image=green, text=white))
    arrived = torch.nn.functional.normalize(green + 0.1 * torch.nn.functional.normalize(red - white, dim=0), dim=0)
    assert float(directional.fulfilled(arrived[None], 1)) > 0.75
    assert float(directional.fulfilled(red[None], 1)) < float(directional.fulfilled(arrived[None], 1))
    assert float(Wish(colour_guide, red, red).fulfilled(red[None], 1)) == pytest.approx(1.0)


def test_braking_shortens_the_steps_as_the_noise_goes(colour_guide: Guide) -> None:
    steer = toward_text(wish(colour_guide, "red"), 0.1, torch.ones(40, 44), generator(), Views(4), braking=1.0)
    shares = []
    for sigma in (0.8, 0.4):
        after = steer(picture(), Step(0, 3, 2, 10, NoiseLevel(1.0 - sigma, sigma)))
        shares.append(float((after - picture()).norm() / picture().norm()))
    assert shares == pytest.approx([0.08, 0.04], rel=1e-3)


def test_the_last_steps_may_be_left_unguided(colour_guide: Guide) -> None:
    steer = toward_text(wish(colour_guide, "red"), 0.1, torch.ones(40, 44), generator(), Views(4), unguided=3)
    for index, moves in ((6, True), (7, False), (9, False)):
        after = steer(picture(), Step(0, 3, index, 10, NoiseLevel(0.5, 0.5)))
        assert torch.equal(after, picture()) is not moves


def test_the_guide_is_shown_what_it_is_to_judge(colour_guide: Guide) -> None:
    """Where red is shown for blue, more blue is what makes it redder."""
    grey = picture() * 0.2
    plain = text_gradient(wish(colour_guide, "red"), grey, 1, generator(), Views(4)).mean((1, 2))
    shown = text_gradient(wish(colour_guide, "red"), grey, 1, generator(), Views(4), lambda clean: clean.flip(0))
    shown = shown.mean((1, 2))
    assert plain[0] > 0.0 > plain[1:].max()
    assert shown[2] > 0.0 > shown[:2].max()


def test_remember_mixes_the_last_step_in_across_scales() -> None:
    mask = torch.zeros(40, 44)
    mask[:, 22:] = 1.0
    steer = remember(0.25, mask)
    first, second = torch.zeros(3, 20, 22), torch.ones(3, 40, 44)
    assert torch.equal(steer(first, COARSE), first)
    after = steer(second, COARSE)
    torch.testing.assert_close(after[:, :, 30:], torch.full((3, 40, 14), 0.75))
    assert torch.equal(after[:, :, :16], second[:, :, :16])
    assert torch.equal(remember(0.25, mask)(second, COARSE), second)


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
