"""The instant model: a posterior mean of patches, for any bands and sizes, with exemplars, priors and anchors."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from comfyui_sinddm_rs.sinddm.patches.bank import PatchSource
from comfyui_sinddm_rs.sinddm.patches.matching import posterior_costs
from comfyui_sinddm_rs.sinddm.patches.model import PatchDenoiser, PatchSettings
from comfyui_sinddm_rs.sinddm.pyramid import Size, resize
from comfyui_sinddm_rs.sinddm.sampling import add_noise
from comfyui_sinddm_rs.sinddm.schedule import NoiseLevel
from torch import Tensor

Picture = Callable[..., Tensor]
ALL = 10_000
"""So many candidates that none is left out."""


def flat(value: float, height: int = 16, width: int = 16) -> Tensor:
    return torch.full((1, height, width), value)


def noised(image: Tensor, sigma: float, seed: int = 0) -> tuple[Tensor, NoiseLevel]:
    level = NoiseLevel(1.0 - sigma, sigma)
    return add_noise(image, level, torch.Generator().manual_seed(seed)), level


def predicted(model: PatchDenoiser, image: Tensor, sigma: float, seed: int = 0) -> Tensor:
    """The prediction of a model of one scale from the noised ``image``."""
    size = (int(image.shape[-2]), int(image.shape[-1]))
    return model.stage(0, size, None).predict(*noised(image, sigma, seed))


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 32, 40), (4, 27, 33), (7, 16, 20)])
def test_at_tiny_noise_the_image_is_predicted(picture: Picture, channels: int, height: int, width: int) -> None:
    image = picture(channels, height, width)
    model = PatchDenoiser(image)
    assert model.channels == channels
    torch.testing.assert_close(predicted(model, image, 0.02), image, atol=0.02, rtol=0)


def test_noise_is_removed(picture: Picture) -> None:
    image = picture(3, 32, 32)
    noisy, level = noised(image, 0.3)
    clean = PatchDenoiser(image).stage(0, (32, 32), None).predict(noisy, level)
    assert (clean - image).square().mean() < 0.02 * (noisy / level.alpha - image).square().mean()


def test_another_picture_is_painted_in_pixels_of_the_image(picture: Picture) -> None:
    bright = PatchDenoiser(0.5 + 0.5 * picture(1, 32, 32).abs())
    assert float(predicted(bright, -picture(1, 32, 32, 1).abs(), 0.2).min()) >= 0.5 - 1e-5


@pytest.mark.parametrize("seen", [-0.3, 0.0, 0.1, 0.4])
@pytest.mark.parametrize("prior", [0.2, 1.0, 3.0])
def test_of_two_colours_the_posterior_mean_is_predicted(seen: float, prior: float) -> None:
    exemplar = PatchSource(flat(1.0), torch.full((16, 16), prior))
    model = PatchDenoiser(flat(-1.0), [exemplar], PatchSettings(keep=ALL))
    level = NoiseLevel(0.03, 0.97)
    mean = model.stage(0, (16, 16), None).predict(flat(seen), level)
    patch = 15 * 15
    expected = math.tanh(level.alpha * patch * seen / level.sigma**2 + 0.5 * math.log(prior))
    torch.testing.assert_close(mean, flat(expected), atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(64, 64), (57, 130), (300, 201), (40, 500)])
def test_scales_halve_up_to_the_size_asked_for_whatever_it_is(picture: Picture, size: Size) -> None:
    model = PatchDenoiser(picture(1, 64, 80), settings=PatchSettings(coarsest_side=16))
    sizes = model.sizes(size)
    assert len(sizes) == 3 and sizes[-1] == size
    assert sizes[0] == (round(size[0] / 4), round(size[1] / 4))
    assert [tuple(model.bank(scale).images[0].shape[1:]) for scale in range(3)] == [(16, 20), (32, 40), (64, 80)]


@pytest.mark.parametrize("size", [(15, 60), (61, 16), (33, 35)])
def test_any_aspect_is_predicted(picture: Picture, size: Size) -> None:
    model = PatchDenoiser(picture(2, 30, 34), settings=PatchSettings(coarsest_side=15, exact_below=0))
    coarse, fine = model.sizes(size)
    before = model.stage(0, coarse, None)
    noise = torch.Generator().manual_seed(0)
    level = NoiseLevel(0.3, 0.7)
    assert before.predict(torch.randn((2, *coarse), generator=noise), level).shape == (2, *coarse)
    clean = model.stage(1, fine, before).predict(torch.randn((2, *fine), generator=noise), level)
    assert clean.shape == (2, *fine) and bool(clean.isfinite().all())


def test_levels_begin_where_asked_and_the_finest_scale_takes_fewer(picture: Picture) -> None:
    model = PatchDenoiser(picture(1, 32, 32), settings=PatchSettings(coarsest_side=16, steps=8))
    coarse, fine = (model.levels(scale, 0.6) for scale in (0, 1))
    assert coarse[0].sigma == fine[0].sigma == 0.6
    assert (len(coarse), len(fine)) == (8, 4)


def test_exemplars_of_prior_zero_never_appear(picture: Picture) -> None:
    image = -picture(1, 24, 24).abs()
    barred = PatchSource(flat(1.0, 24, 24), torch.zeros(24, 24))
    for sigma in (0.05, 0.5, 0.99):
        assert float(predicted(PatchDenoiser(image, [barred]), flat(1.0, 24, 24), sigma).max()) <= 1e-5


def test_exemplars_of_large_prior_appear(picture: Picture) -> None:
    image = -picture(1, 24, 24).abs()
    welcome = PatchSource(flat(1.0, 20, 28), torch.full((20, 28), 1e9))
    clean = predicted(PatchDenoiser(image, [welcome]), flat(0.0, 24, 24), 0.98)
    torch.testing.assert_close(clean, flat(1.0, 24, 24))


def test_a_prior_holds_for_its_part_of_an_exemplar() -> None:
    halves = flat(1.0, 20, 40)
    halves[..., 20:] = 0.4
    prior = torch.zeros(20, 40)
    prior[:, 30:] = 1e9
    clean = predicted(PatchDenoiser(flat(-1.0, 20, 20), [PatchSource(halves, prior)]), flat(0.9, 20, 20), 0.9)
    torch.testing.assert_close(clean, flat(0.4, 20, 20))


def test_a_prior_holds_at_every_scale() -> None:
    prior = torch.zeros(32, 32)
    prior[:, :16] = 1.0
    model = PatchDenoiser(flat(-1.0, 32, 32), [PatchSource(flat(1.0, 32, 32), prior)], PatchSettings(coarsest_side=8))
    for scale, side in enumerate((8, 16, 32)):
        log_prior = model.bank(scale).log_prior[side * side :].reshape(side, side)
        assert bool((log_prior[:, : side // 2 - 1] > -0.1).all()) and bool((log_prior[:, side // 2 + 1 :] < -1e8).all())


@pytest.mark.parametrize("exact_below", [0, 2**62])
def test_the_anchor_holds_patches_of_the_place_at_home(picture: Picture, exact_below: int) -> None:
    image = picture(1, 28, 28)
    errors = []
    for anchor in (0.0, 100.0):
        model = PatchDenoiser(image, settings=PatchSettings(coarsest_side=14, exact_below=exact_below, anchor=anchor))
        before = model.stage(0, (14, 14), None)
        before.predict(*noised(torch.zeros(1, 14, 14), 0.95))
        clean = model.stage(1, (28, 28), before).predict(*noised(torch.zeros(1, 28, 28), 0.95))
        errors.append(float((clean - image).square().mean()))
    assert errors[1] < 0.1 * errors[0]


@pytest.mark.parametrize("in_place", [True, False])
def test_only_exemplars_of_the_same_place_are_anchored(in_place: bool) -> None:
    halves = flat(1.0, 18, 18)
    halves[..., 9:] = 0.0
    exemplar = PatchSource(halves, torch.full((18, 18), 1e9), in_place)
    model = PatchDenoiser(flat(-1.0, 18, 18), [exemplar], PatchSettings(keep=ALL, anchor=300.0))
    clean = model.stage(0, (18, 18), None).predict(flat(0.0, 18, 18), NoiseLevel(0.001, 0.999))
    left, right = float(clean[..., 4:7].mean()), float(clean[..., 11:14].mean())
    expected = (1.0, 0.0) if in_place else (0.5, 0.5)
    assert (left, right) == pytest.approx(expected, abs=0.02)


def test_a_carried_band_follows_the_patches(picture: Picture) -> None:
    visible = picture(2, 32, 32)
    label = (visible[:1] > 0).float() * 2 - 1
    model = PatchDenoiser(torch.cat([visible, label]), compared=2)
    noisy, level = noised(torch.cat([visible, -label]), 0.1)
    clean = model.stage(0, (32, 32), None).predict(noisy, level)
    torch.testing.assert_close(clean[2:], label, atol=0.1, rtol=0)
    noisy[2] = 5.0
    assert torch.equal(model.stage(0, (32, 32), None).predict(noisy, level), clean)


def test_the_quick_search_removes_noise_as_well_as_the_exact_one(picture: Picture) -> None:
    image = picture(1, 48, 48)
    errors = []
    for exact_below in (0, 2**62):
        model = PatchDenoiser(image, settings=PatchSettings(coarsest_side=24, exact_below=exact_below))
        before = model.stage(0, (24, 24), None)
        before.predict(*noised(resize(image, (24, 24)), 0.3))
        fine = model.stage(1, (48, 48), before)
        for sigma in (0.5, 0.4, 0.3):
            clean = fine.predict(*noised(image, sigma))
        errors.append(float((clean - image).square().mean()))
    assert errors[0] < 1.2 * errors[1] + 1e-3


def test_the_quick_search_goes_on_from_what_it_found(picture: Picture) -> None:
    image = picture(1, 48, 48)
    model = PatchDenoiser(image, settings=PatchSettings(coarsest_side=24, exact_below=0))
    before = model.stage(0, (24, 24), None)
    before.predict(*noised(resize(image, (24, 24)), 0.9))
    stage, bank = model.stage(1, (48, 48), before), model.bank(1)
    noisy, level = noised(image, 0.3)
    features, _ = bank.analyse(noisy, 2)
    costs = []
    for _ in range(4):
        stage.predict(noisy, level)
        assert stage.matches is not None
        rows = bank.row(stage.matches.image, stage.matches.y, stage.matches.x)
        costs.append(posterior_costs(bank, features, rows, level)[:, 0])
    assert all(bool((after <= cost + 1e-3).all()) for cost, after in pairwise(costs))
    assert float(costs[-1].mean()) < float(costs[0].mean()) - 1.0


def test_the_quick_search_follows_the_seed(picture: Picture) -> None:
    def draw(seed: int) -> Tensor:
        settings = PatchSettings(coarsest_side=16, exact_below=0)
        model = PatchDenoiser(picture(1, 32, 32), settings=settings, seed=seed)
        before = model.stage(0, (16, 16), None)
        before.predict(*noised(torch.zeros(1, 16, 16), 0.8))
        return model.stage(1, (32, 32), before).predict(*noised(torch.zeros(1, 32, 32), 0.6))

    assert torch.equal(draw(3), draw(3)) and not torch.equal(draw(3), draw(4))
