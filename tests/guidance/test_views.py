from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.views import Views, random_views
from torch.nn import functional as F

SIDE = 64
ALL = Views(6, perspective=0.3, flips=True, jitter=0.2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramps(height: int = 64, width: int = 64) -> torch.Tensor:
    """One picture of two bands: the row and the column of each pixel, 0…1."""
    rows = (torch.arange(height) + 0.5) / height
    columns = (torch.arange(width) + 0.5) / width
    return torch.stack([rows[:, None].expand(height, width), columns[None].expand(height, width)])[None]


def test_views_of_any_batch_size_and_bands_have_one_size():
    assert random_views(torch.rand(2, 5, 40, 90), Views(3), SIDE, generator()).shape == (6, 5, SIDE, SIDE)


def test_views_come_from_the_generator_alone():
    image = torch.rand(1, 3, 48, 48)
    before = torch.get_rng_state()
    one, same, other = (random_views(image, ALL, SIDE, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_the_views_of_one_picture_stand_together():
    images = torch.stack([torch.zeros(3, 32, 32), torch.ones(3, 32, 32)])
    means = random_views(images, Views(3), SIDE, generator()).mean((1, 2, 3))
    torch.testing.assert_close(means, torch.tensor([0.0, 0, 0, 1, 1, 1]))


def test_a_view_shows_its_part_of_the_picture_and_no_more():
    views = random_views(ramps(), Views(64), SIDE, generator())
    corner, opposite = views[:, :, 0, 0], views[:, :, -1, -1]
    side = opposite - corner
    assert side.min() > 0.55 and side.max() <= 1.0
    assert float(side.max() - side.min()) > 0.25
    torch.testing.assert_close(side[:, 0], side[:, 1], atol=0.02, rtol=0)
    assert corner.min() >= 0.0 and opposite.max() <= 1.0
    assert float(corner.max()) > 0.2 and float(opposite.min()) < 0.8


def test_whole_views_are_the_picture_itself():
    image = torch.rand(1, 3, SIDE, SIDE)
    torch.testing.assert_close(random_views(image, Views(2, least=1.0), SIDE, generator())[1:], image)
    large = F.interpolate(torch.rand(1, 1, 8, 8), size=(128, 128), mode="bicubic")
    shown = random_views(large, Views(1, least=1.0), SIDE, generator())
    torch.testing.assert_close(shown, F.avg_pool2d(large, 2), atol=0.02, rtol=0)


def test_flips_turn_some_views_and_not_all():
    views = random_views(ramps(), Views(32, least=1.0, flips=True), SIDE, generator())
    upright = views[:, 0, 0, 0] < views[:, 0, -1, 0]
    unmirrored = views[:, 1, 0, 0] < views[:, 1, 0, -1]
    assert 4 < int(upright.sum()) < 28 and 4 < int(unmirrored.sum()) < 28
    assert not torch.equal(upright, unmirrored)


def test_perspective_keeps_lines_straight_and_stays_inside_the_picture():
    views = random_views(ramps(), Views(16, least=1.0, perspective=0.3), SIDE, generator())
    assert views.min() >= 0.0 and views.max() <= 1.0
    left, right = views[:, 0, -1, 0] - views[:, 0, 0, 0], views[:, 0, -1, -1] - views[:, 0, 0, -1]
    assert float((left / right).max()) > 1.1
    assert float((left / right).min()) < 0.9
    row = views[0, :, 20]
    straight = torch.linalg.svdvals(row - row.mean(1, keepdim=True))
    assert float(straight[1] / straight[0]) < 0.01


def test_jitter_changes_colours_alone():
    flat = torch.full((1, 3, 32, 32), 0.4) * torch.tensor([1.0, 0.8, 0.6])[None, :, None, None]
    views = random_views(flat, Views(16, jitter=0.2), SIDE, generator())
    assert float(views.std((-2, -1)).max()) < 1e-5
    assert float(views.mean((1, 2, 3)).std()) > 0.01
    torch.testing.assert_close(random_views(flat, Views(1), SIDE, generator())[:, :, 0, 0], flat[:, :, 0, 0])


@pytest.mark.parametrize("views", [Views(8), ALL])
def test_views_carry_a_gradient_back_to_the_pixels(views):
    image = (0.2 + 0.6 * torch.rand(1, 3, 40, 40)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(random_views(image, views, SIDE, generator()).sum(), image)
    assert torch.isfinite(gradient).all()
    assert (gradient.sum(1)[..., 12:28, 12:28] > 0).all()
