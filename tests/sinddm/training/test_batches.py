"""What one training step sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.network.architecture import new_network
from comfyui_sinddm_rs.sinddm.network.diffusion import Diffusion
from comfyui_sinddm_rs.sinddm.scales import measured_scales, scales_like
from comfyui_sinddm_rs.sinddm.schedule import noise_schedule
from comfyui_sinddm_rs.sinddm.training.batches import Crops, WholeImages, noise_losses
from torch import Tensor
from torch.nn import functional as F

Picture = Callable[..., Tensor]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def is_part(crop: Tensor, image: Tensor) -> bool:
    side = crop.shape[-1]
    windows = F.unfold(image[None], side)[0].T
    return bool((windows == crop.reshape(1, -1)).all(1).any())


def test_whole_images_are_copies_at_one_scale(picture: Picture) -> None:
    scales = measured_scales(picture(3, 80, 90))
    diffusion = Diffusion(noise_schedule(), scales.details)
    seen = set()
    for seed in range(8):
        batch = WholeImages(scales, diffusion, 5).draw(generator(seed))
        (scale,) = set(batch.s.tolist())
        seen.add(scale)
        assert all(torch.equal(each, scales.sharp[scale]) for each in batch.sharp)
        assert all(torch.equal(each, scales.blurred[scale]) for each in batch.blurred)
        assert torch.equal(batch.gamma, diffusion.gammas[scale, batch.t]) and len(batch.t) == 5
    assert seen == set(range(len(scales)))


def test_crops_are_of_all_scales_and_evenly_spread_over_time(picture: Picture) -> None:
    scales = measured_scales(picture(3, 80, 90))
    diffusion = Diffusion(noise_schedule(), scales.details)
    batch = Crops([scales], diffusion, 20, 24).draw(generator())
    assert batch.sharp.shape == batch.blurred.shape == (20, 3, 24, 24)
    assert set(batch.s.tolist()) == set(range(len(scales)))
    assert sorted((batch.t // 5).tolist()) == list(range(20))
    for sharp, blurred, scale in zip(batch.sharp, batch.blurred, batch.s.tolist(), strict=True):
        assert is_part(sharp, scales.sharp[scale]) and is_part(blurred, scales.blurred[scale])
    assert torch.equal(batch.gamma, diffusion.gammas[batch.s, batch.t])


def test_a_crop_is_never_larger_than_the_coarsest_scale(picture: Picture) -> None:
    scales = measured_scales(picture(1, 44, 90))
    batch = Crops([scales], Diffusion(noise_schedule(), scales.details), 4, 48).draw(generator())
    assert tuple(batch.sharp.shape) in ((4, 1, 42, 42), (4, 1, 44, 44))


def test_half_of_the_crops_come_from_exemplars(picture: Picture) -> None:
    scales = measured_scales(picture(1, 60, 60))
    exemplars = [scales_like(torch.full((1, 60, 60), value), scales) for value in (0.25, 0.75)]
    batch = Crops([scales, *exemplars], Diffusion(noise_schedule(), scales.details), 400, 8).draw(generator())
    shares = [float(((batch.sharp - value).abs() < 1e-4).all(-1).all(-1).float().mean()) for value in (0.25, 0.75)]
    assert shares == pytest.approx([0.25, 0.25], abs=0.06)


def test_the_loss_is_the_error_of_the_noise(picture: Picture) -> None:
    scales = measured_scales(picture(3, 60, 70))
    diffusion = Diffusion(noise_schedule(), scales.details)
    batch = Crops([scales], diffusion, 6, 32).draw(generator())
    network = new_network(8, 3, generator())
    with torch.no_grad():
        losses = noise_losses(network, diffusion, batch, generator(4))
        noise = torch.randn(batch.sharp.shape, generator=generator(4))
        noisy = diffusion.noisy(batch.sharp, batch.blurred, noise, batch.t, batch.gamma)
        for index in range(6):
            alone = network(noisy[index : index + 1], int(batch.t[index]), int(batch.s[index]))
            assert float(losses[index]) == pytest.approx(float((alone[0] - noise[index]).abs().mean()), rel=1e-4)
