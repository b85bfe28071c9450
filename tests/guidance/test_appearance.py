"""A new look for a surface, chosen by a guide."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.guidance.appearance import NEW_SURFACE_SHARE, Appearance, find_paint, found_surface, new_surface
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from torch import Tensor


def scene(name: str) -> Tensor:
    return read_raster(scene_path(name)).pixels[:, :160, :176].contiguous()


def found(
    image: Tensor, text: str, guide: Guide, strength: float = 1.0, region: Tensor | None = None, seed: int = 0
) -> Appearance:
    rng = np.random.default_rng(seed)
    surface = found_surface(image, text, region) or new_surface(image, rng)
    return find_paint(image, surface, guide, guide.embed_texts([text])[0], text).look(strength, rng)


RED, GREEN, BLUE = range(3)


@pytest.mark.parametrize(
    ("name", "text", "weakest", "strongest"),
    [
        ("meadow", "covered with purple flowers", GREEN, {RED, BLUE}),
        ("forest", "autumn forest with orange leaves", BLUE, {RED}),
        ("coast", "the water is turquoise", RED, {GREEN, BLUE}),
        ("house", "a blue roof", RED, {BLUE}),
    ],
)
def test_the_shipped_guide_chooses_the_colour_that_the_text_names(
    compact: CompactGuide, name: str, text: str, weakest: int, strongest: set[int]
) -> None:
    image = read_raster(scene_path(name)).pixels
    look = found(image, text, compact)
    assert int(look.colour.argmin()) == weakest
    assert int(look.colour.argmax()) in strongest
    assert float(look.colour.max() - look.colour.min()) > 0.2
    target = compact.embed_texts([text])[0]
    seen = torch.stack([image, look(image * 2.0 - 1.0) * 0.5 + 0.5])
    before, after = (compact.embed_images(seen) @ target).tolist()
    assert after > before + 0.2


def test_light_and_dark_stay_and_nothing_changes_where_the_amount_is_nothing() -> None:
    image = scene("meadow") * 2.0 - 1.0
    amount = torch.zeros(image.shape[-2:])
    amount[:, 80:] = 1.0
    look = Appearance(torch.tensor([0.6, 0.2, 0.6]), float((image * 0.5 + 0.5).mean()), amount)
    painted = look(image)
    assert torch.equal(painted[:, :, :78], image[:, :, :78])
    ours, theirs = (each[:, :, 90:].mean(0).flatten() for each in (painted, image))
    assert float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1]) > 0.9
    assert look.hex() == "#993399"


def test_a_look_fits_any_size_and_carries_a_gradient() -> None:
    look = Appearance(torch.tensor([0.6, 0.2, 0.6]), 0.4, torch.ones(64, 64))
    small = torch.zeros(3, 20, 24, requires_grad=True)
    (gradient,) = torch.autograd.grad(look(small).sum(), small)
    assert gradient.shape == (3, 20, 24) and float(gradient.abs().min()) > 0.0


def test_strength_spreads_it_and_a_seed_moves_it(compact: CompactGuide) -> None:
    image = scene("meadow")
    weak, usual, strong = (found(image, "covered with purple flowers", compact, s).amount for s in (0.5, 1.0, 2.0))
    assert 0.0 < float(weak.mean()) < float(usual.mean()) < float(strong.mean())
    assert bool((weak <= usual + 1e-6).all())
    assert not torch.equal(usual, found(image, "covered with purple flowers", compact, seed=1).amount)
    assert torch.equal(usual, found(image, "covered with purple flowers", compact).amount)


def test_a_region_is_kept(compact: CompactGuide) -> None:
    image = scene("meadow")
    region = torch.zeros(image.shape[-2:])
    region[40:100, 50:120] = 1.0
    amount = found(image, "covered with purple flowers", compact, 3.0, region).amount
    assert float(amount[region == 0].max()) == 0.0
    assert float(amount[region > 0].mean()) > 0.3


def test_what_the_scene_lacks_is_put_on_a_new_surface(compact: CompactGuide) -> None:
    look = found(scene("forest"), "a frozen lake", compact)
    assert look.relief < 1.0
    assert 0.3 * NEW_SURFACE_SHARE < float(look.amount.mean()) < 2.0 * NEW_SURFACE_SHARE


def test_of_colours_that_fit_alike_the_nearest_is_taken(colour_guide: Guide) -> None:
    """Every colour is as red as another to a guide that only knows that red leads: the scene's light stays."""
    image = scene("meadow")
    red = found(image, "red", colour_guide, region=torch.ones(image.shape[-2:]))
    assert int(red.colour.argmax()) == RED
    assert float(red.colour.mean()) == pytest.approx(float(image.mean()), abs=0.25)
