from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.report import CAPTION, GAP, side_by_side

HEIGHT, WIDTH = 40, 64


def panels(sheet: torch.Tensor) -> list[torch.Tensor]:
    return [sheet[:, CAPTION:, i * (WIDTH + GAP) : i * (WIDTH + GAP) + WIDTH] for i in range(3)]


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 6])
def test_source_edit_and_change_stand_side_by_side(bands):
    source = torch.rand(bands, HEIGHT, WIDTH)
    edited = source.clone()
    edited[:, 5:15, 20:30] = 1.0 - edited[:, 5:15, 20:30]
    sheet = side_by_side(source, edited)
    assert sheet.shape == (3, HEIGHT + CAPTION, 3 * WIDTH + 2 * GAP) and sheet.dtype == torch.float32
    assert sheet.min() >= 0.0 and sheet.max() <= 1.0
    visible = [0, 1, 2] if bands >= 3 else [0, 0, 0]
    left, middle, right = panels(sheet)
    assert torch.equal(left, source[visible]) and torch.equal(middle, edited[visible])
    assert not right[:, 15:].any() and not right[:, :, :20].any()
    assert right[:, 5:15, 20:30].any()


def test_the_gaps_stay_white():
    sheet = side_by_side(torch.zeros(3, HEIGHT, WIDTH), torch.zeros(3, HEIGHT, WIDTH))
    for left in (WIDTH, 2 * WIDTH + GAP):
        assert (sheet[:, :, left : left + GAP] == 1.0).all()


def test_heat_rises_from_black_to_white_at_one_half():
    source = torch.zeros(3, HEIGHT, WIDTH)
    edited = torch.linspace(0.0, 1.0, WIDTH).expand(3, HEIGHT, WIDTH)
    heat = panels(side_by_side(source, edited))[2][:, 7]
    brightness = heat.sum(0)
    assert (heat[:, 0] == 0.0).all()
    assert (heat[:, WIDTH // 2 :] == 1.0).all()
    assert (brightness[1 : WIDTH // 2 - 1] > brightness[: WIDTH // 2 - 2]).all()
    assert heat[:, WIDTH // 4].min() < 1.0


def test_heat_shows_a_change_of_any_band_in_any_direction():
    source = torch.full((5, HEIGHT, WIDTH), 0.5)
    edited = source.clone()
    edited[4, 10, 10] -= 0.5
    edited[0, 20, 20] += 0.5
    heat = panels(side_by_side(source, edited))[2]
    assert (heat[:, 10, 10] == 1.0).all() and (heat[:, 20, 20] == 1.0).all()
    assert int(heat.any(0).sum()) == 2


def test_every_panel_has_a_caption():
    sheet = side_by_side(torch.ones(3, HEIGHT, WIDTH), torch.ones(3, HEIGHT, WIDTH))
    strips = [sheet[:, :CAPTION, i * (WIDTH + GAP) : i * (WIDTH + GAP) + WIDTH] for i in range(3)]
    assert all(int((strip < 0.5).sum()) > 30 for strip in strips)
    assert not torch.equal(strips[0], strips[1])


def test_the_pictures_shown_are_not_touched():
    source, edited = torch.rand(3, HEIGHT, WIDTH), torch.rand(3, HEIGHT, WIDTH)
    kept = source.clone(), edited.clone()
    side_by_side(source, edited).zero_()
    assert torch.equal(source, kept[0]) and torch.equal(edited, kept[1])
