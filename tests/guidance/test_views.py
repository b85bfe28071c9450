from __future__ import annotations

import torch
from comfyui_sinddm_rs.guidance.views import VIEW_SIDE, random_views
from torch.nn import functional as F


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramps(height: int = 64, width: int = 64) -> torch.Tensor:
    """One picture of two bands: the row and the column of each pixel, 0…1."""
    rows = (torch.arange(height) + 0.5) / height
    columns = (torch.arange(width) + 0.5) / width
    return torch.stack([rows[:, None].expand(height, width), columns[None].expand(height, width)])[None]


def test_views_of_any_batch_size_and_bands_have_one_size():
    assert random_views(torch.rand(2, 5, 40, 90), 3, generator()).shape == (6, 5, VIEW_SIDE, VIEW_SIDE)


def test_views_come_from_the_generator_alone():
    image = torch.rand(1, 3, 48, 48)
    before = torch.get_rng_state()
    one, same, other = (random_views(image, 4, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_the_views_of_one_picture_stand_together():
    images = torch.stack([torch.zeros(3, 32, 32), torch.ones(3, 32, 32)])
    means = random_views(images, 3, generator()).mean((1, 2, 3))
    torch.testing.assert_close(means, torch.tensor([0.0, 0, 0, 1, 1, 1]))


def test_a_view_shows_its_part_of_the_picture_and_no_more():
    views = random_views(ramps(), 64, generator(), least=0.6)
    corner, opposite = views[:, :, 0, 0], views[:, :, -1, -1]
    side = opposite - corner
    assert side.min() > 0.55 and side.max() <= 1.0
    assert float(side.max() - side.min()) > 0.25
    torch.testing.assert_close(side[:, 0], side[:, 1], atol=0.02, rtol=0)
    assert corner.min() >= 0.0 and opposite.max() <= 1.0
    assert float(corner.max()) > 0.2 and float(opposite.min()) < 0.8


def test_whole_views_are_the_picture_itself():
    image = torch.rand(1, 3, VIEW_SIDE, VIEW_SIDE)
    torch.testing.assert_close(random_views(image, 2, generator(), least=1.0)[1:], image)
    large = F.interpolate(torch.rand(1, 1, 8, 8), size=(128, 128), mode="bicubic")
    shown = random_views(large, 1, generator(), least=1.0)
    torch.testing.assert_close(shown, F.avg_pool2d(large, 2), atol=0.02, rtol=0)


def test_views_carry_a_gradient_back_to_the_pixels():
    image = torch.rand(1, 3, 40, 40, requires_grad=True)
    (gradient,) = torch.autograd.grad(random_views(image, 8, generator()).sum(), image)
    assert torch.isfinite(gradient).all()
    assert (gradient[..., 10:30, 10:30] > 0).all()
