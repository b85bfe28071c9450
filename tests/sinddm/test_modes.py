"""The published modes: what changes, and what must not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.sinddm import modes
from comfyui_sinddm_rs.sinddm.modes import Paste, harmonise, paste_patches, repaint, transfer_style
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from torch import Tensor

Picture = Callable[..., Tensor]


@pytest.fixture(scope="module")
def model(picture: Picture) -> SinDDMModel:
    training = Training(picture(3, 90, 100), TrainSettings(iterations=30))
    list(training.run())
    return training.model()


def content(picture: Picture, seed: int = 5) -> Tensor:
    return picture(3, 80, 96, seed=seed) * 0.5 + 0.5


def test_the_published_start_steps() -> None:
    assert (modes.HARMONISE_STEPS, modes.STYLE_STEPS, modes.PASTE_SHARE) == (5, 15, 0.8)


def test_harmonising_changes_the_object_and_nothing_far_from_it(model: SinDDMModel, picture: Picture) -> None:
    composite = content(picture)
    mask = torch.zeros(80, 96)
    mask[20:40, 30:50] = 1.0
    before = composite.clone()
    blended = harmonise(model, composite, mask)
    assert torch.equal(composite, before) and torch.equal(blended, harmonise(model, composite, mask))
    changed = (blended != composite).any(0)
    assert bool(changed[22:38, 32:48].float().mean() > 0.9)
    changed[0:60, 10:70] = False
    assert not bool(changed.any())
    assert float((blended - composite).abs().mean()) < 0.05


def test_style_keeps_the_layout_and_takes_the_colours(model: SinDDMModel, picture: Picture) -> None:
    image = content(picture)
    styled = transfer_style(model, image)
    wanted = (model.image * 0.5 + 0.5).mean((1, 2))
    assert styled.shape == image.shape
    assert float((styled.mean((1, 2)) - wanted).abs().max()) < 0.05
    bands = torch.stack([styled.mean(0).flatten(), image.mean(0).flatten()])
    assert float(torch.corrcoef(bands)[0, 1]) > 0.5


def test_more_steps_change_more(model: SinDDMModel, picture: Picture) -> None:
    image = content(picture)
    moved = [float((repaint(model, image, steps) - image).abs().mean()) for steps in (1, 5, 40)]
    assert moved[0] < moved[1] < moved[2]


def test_a_pasted_patch_appears_in_every_target(model: SinDDMModel) -> None:
    targets = [(8, 10, 30, 24), (60, 50, 30, 24)]
    drawn = paste_patches(model, Paste((40, 30, 30, 24), targets), seed=1)
    patch = model.image[:, 30:54, 40:70] * 0.5 + 0.5

    def likeness(box: tuple[int, int, int, int]) -> float:
        x, y, width, height = box
        pair = torch.stack([drawn[:, y : y + height, x : x + width].flatten(), patch.flatten()])
        return float(torch.corrcoef(pair)[0, 1])

    assert all(likeness(box) > 0.6 for box in targets)
    assert max(likeness((x, y, 30, 24)) for x, y in ((60, 5), (5, 60))) < 0.5


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, 0, 0, 5), (96, 0, 10, 5), (0, 88, 5, 5)])
def test_boxes_outside_the_picture(model: SinDDMModel, box: tuple[int, int, int, int]) -> None:
    for paste in (Paste(box, [(0, 0, 5, 5)]), Paste((0, 0, 5, 5), [box])):
        with pytest.raises(InputError, match="does not lie in 100×90 px; move or shrink it"):
            paste_patches(model, paste)


def test_other_bands_masks_and_steps(model: SinDDMModel, picture: Picture) -> None:
    with pytest.raises(InputError, match="the model has 3 bands"):
        transfer_style(model, content(picture)[:1])
    with pytest.raises(InputError, match="give one of that size"):
        harmonise(model, content(picture), torch.ones(5, 5))
    for steps in (0, 100):
        with pytest.raises(InputError, match="choose 1 to 99"):
            repaint(model, content(picture), steps)
