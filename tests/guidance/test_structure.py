"""What lies outside the region counts, and nothing inside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from comfyui_sinddm_rs.guidance.structure import psnr_outside, ssim_outside, structure_distance_outside
from comfyui_sinddm_rs.rasters.bundled import bundled_scenes, scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.nn import functional as F

SIDE = 256
NOWHERE = torch.zeros(SIDE, SIDE)
Measure = Callable[[Tensor, Tensor, Tensor], float | None]
MEASURES: tuple[Measure, ...] = (psnr_outside, ssim_outside, structure_distance_outside)


def scene(name: str) -> Tensor:
    return read_raster(scene_path(name)).pixels[:, :SIDE, :SIDE].contiguous()


def mixed(image: Tensor) -> Tensor:
    """Other colours from all three bands, as a change of hue makes them."""
    weights = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.2, 0.3], [0.1, 0.3, 0.6]])
    return torch.einsum("ij,jhw->ihw", weights, image)


RECOLOURINGS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "nothing": (lambda image: image, 0.0),
    "darker": (lambda image: 0.6 * image, 1e-3),
    "paler": (lambda image: 0.5 * image + 0.4, 1e-3),
    "negative": (lambda image: 1.0 - image, 1e-3),
    "tinted": (lambda image: image * torch.tensor([0.9, 0.6, 0.3])[:, None, None], 1e-3),
    "bands in another order": (lambda image: image.flip(0), 1e-3),
    "8 bit": (lambda image: (0.6 * image * 255).round() / 255, 0.1),
    "gamma": (lambda image: image**0.6, 0.25),
    "grey": (lambda image: image.mean(0, keepdim=True).expand(3, -1, -1), 0.25),
    "hue": (mixed, 0.25),
}


@pytest.mark.parametrize("name", bundled_scenes())
@pytest.mark.parametrize("change", RECOLOURINGS)
def test_a_change_of_colour_or_brightness_keeps_the_structure(name: str, change: str) -> None:
    recolour, most = RECOLOURINGS[change]
    image = scene(name)
    distance = structure_distance_outside(recolour(image), image, NOWHERE)
    assert distance is not None and 0.0 <= distance <= most


@pytest.mark.parametrize("name", bundled_scenes())
def test_another_image_is_near_the_ceiling(name: str) -> None:
    image = scene(name)
    neighbour = bundled_scenes()[bundled_scenes().index(name) - 1]
    others = {neighbour: scene(neighbour), "mirrored": image.flip(-1), "turned": image.rot90(2, (-2, -1))}
    for other, picture in others.items():
        assert structure_distance_outside(picture, image, NOWHERE) == pytest.approx(1.0, abs=0.1), other


def test_the_more_is_moved_the_larger_the_distance() -> None:
    image = scene("house")
    moved = [image.clone() for _ in range(4)]
    for columns, picture in zip((0, 64, 128, 256), moved, strict=True):
        picture[..., :columns] = image[..., :columns].flip(-2)
    distances = [structure_distance_outside(picture, image, NOWHERE) for picture in moved]
    assert distances[0] == 0.0
    assert all(a is not None and b is not None and a + 0.1 < b for a, b in pairwise(distances))


def test_a_flat_image_has_a_structure_of_its_own_and_faint_noise_is_flat() -> None:
    image = scene("house")
    noise = torch.randint(0, 2, image.shape, generator=torch.Generator().manual_seed(0)) / 1000
    flat = torch.full_like(image, 0.5)
    assert structure_distance_outside(flat, flat, NOWHERE) == 0.0
    half = image.clone()
    half[:, :, : SIDE // 2] = 0.5
    noisy = half.clone()
    noisy[:, :, : SIDE // 2] += noise[:, :, : SIDE // 2]
    distance = structure_distance_outside(noisy, half, NOWHERE)
    assert distance is not None and distance < 0.1


@pytest.mark.parametrize("bands", [1, 2, 5])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (40, 300)])
def test_any_size_and_any_bands(bands: int, size: tuple[int, int]) -> None:
    one, other = torch.rand(2, bands, *size, generator=torch.Generator().manual_seed(0))
    nowhere = torch.zeros(size)
    for measure in MEASURES:
        same, differs = measure(one, one, nowhere), measure(one, other, nowhere)
        assert same is not None and differs is not None and same != differs


def test_what_is_inside_the_region_has_no_influence() -> None:
    image = scene("river")
    generator = torch.Generator().manual_seed(0)
    source = (image + 0.05 * torch.randn(image.shape, generator=generator)).clamp(0.0, 1.0)
    region = torch.zeros(SIDE, SIDE)
    region[50:131, 70:163] = 1e-3  # a soft edge counts as edited too
    region[60:120, 80:150] = 1.0
    inside = torch.where(region > 0, torch.rand(image.shape, generator=generator), image)
    for measure in MEASURES:
        assert measure(inside, source, region) == measure(image, source, region)
        assert measure(inside, source, NOWHERE) != measure(image, source, NOWHERE)


def test_one_pixel_outside_is_noticed() -> None:
    image = scene("house")
    region = torch.zeros(SIDE, SIDE)
    region[100:140, 100:140] = 1.0
    other = image.clone()
    other[:, 20, 20] = 1.0 - other[:, 20, 20].round()
    assert psnr_outside(image, image, region) == math.inf
    psnr = psnr_outside(other, image, region)
    squared = (other - image)[:, 20, 20].double().square().sum() / 3 / (SIDE**2 - 40**2)
    assert psnr == pytest.approx(-10 * math.log10(float(squared)), abs=1e-4)
    ssim, distance = ssim_outside(other, image, region), structure_distance_outside(other, image, region)
    assert ssim is not None and ssim < 1.0 == ssim_outside(image, image, region)
    assert distance is not None and distance > 0.0


def test_ssim_of_a_whole_image_is_that_of_scikit_image() -> None:
    image = scene("tanks")
    blurred = F.avg_pool2d(image, 3, 1, 1)
    expected = structural_similarity(image.numpy(), blurred.numpy(), data_range=1.0, channel_axis=0)
    assert ssim_outside(blurred, image, NOWHERE) == pytest.approx(float(expected), abs=1e-6)


def test_without_an_outside_there_is_no_measure() -> None:
    image = scene("meadow")
    everywhere = torch.full((SIDE, SIDE), 0.5)
    assert [measure(image, image, everywhere) for measure in MEASURES] == [None, None, None]
    # A frame of one pixel has pixels, but neither a window nor a cell.
    frame = torch.ones(SIDE, SIDE)
    frame[0] = 0.0
    assert [measure(image, image, frame) for measure in MEASURES] == [math.inf, None, None]
