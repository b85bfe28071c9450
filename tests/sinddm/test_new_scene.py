"""New scenes: in range, of the size asked for, as sharp as their source, and seeded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.sinddm.new_scene import new_scene
from comfyui_sinddm_rs.sinddm.patch_swd import patch_swd
from comfyui_sinddm_rs.sinddm.pyramid import Size
from comfyui_sinddm_rs.sinddm.sampling import Step
from torch import Tensor

Picture = Callable[..., Tensor]


@pytest.fixture(scope="module")
def scene() -> Tensor:
    """Ploughed rows, bent: the same texture everywhere, so that every scene drawn from it has the same composition."""
    bends = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    bends = 2.0 * torch.nn.functional.interpolate(bends, (56, 60), mode="bicubic")[0]
    return (0.5 + 0.7 * torch.sin((torch.arange(56.0)[:, None] + bends) * torch.pi / 3.5)).clamp(0.0, 1.0)


@pytest.fixture(scope="module")
def drawn(scene: Tensor) -> Tensor:
    return new_scene(scene, (56, 60), 0)


def steepness(image: Tensor) -> float:
    return float(image.diff(dim=-1).square().mean() + image.diff(dim=-2).square().mean())


def test_a_scene_is_in_range_and_new(scene: Tensor, drawn: Tensor) -> None:
    assert drawn.shape == scene.shape and drawn.dtype == torch.float32
    assert drawn.min() >= 0.0 and drawn.max() <= 1.0
    assert float((drawn - scene).abs().mean()) > 0.05


def test_a_scene_is_as_sharp_as_its_source(scene: Tensor, drawn: Tensor) -> None:
    assert 0.6 < steepness(drawn) / steepness(scene) < 1.5


def test_a_scene_has_the_texture_and_colours_of_its_source(scene: Tensor, drawn: Tensor) -> None:
    generator = torch.Generator()
    near, far = (patch_swd(image, scene, generator.manual_seed(0)) for image in (drawn, scene.mT))
    assert near < 0.5 * far
    assert float(drawn.mean()) == pytest.approx(float(scene.mean()), abs=0.03)
    assert float(drawn.std()) == pytest.approx(float(scene.std()), rel=0.2)


def test_the_seed_decides(scene: Tensor, drawn: Tensor) -> None:
    state = torch.get_rng_state()
    assert torch.equal(new_scene(scene, (56, 60), 0), drawn)
    assert torch.equal(torch.get_rng_state(), state)
    assert float((new_scene(scene, (56, 60), 1) - drawn).abs().mean()) > 0.05


@pytest.mark.parametrize(("channels", "size"), [(3, (40, 70)), (4, (24, 33))])
def test_any_bands_and_size(picture: Picture, channels: int, size: Size) -> None:
    drawn = new_scene(picture(channels, 32, 36) * 0.5 + 0.5, size, 0)
    assert drawn.shape == (channels, *size) and float(drawn.std()) > 0.03


def test_a_watch_sees_every_step_and_may_stop(picture: Picture) -> None:
    steps: list[Step] = []

    def stop(_: Tensor, step: Step) -> None:
        steps.append(step)
        if len(steps) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        new_scene(picture(1, 32, 32) * 0.5 + 0.5, (32, 32), 0, watch=stop)
    assert [step.index for step in steps] == [0, 1, 2]


def test_no_gradient_is_kept(picture: Picture) -> None:
    image = (picture(1, 32, 32) * 0.5 + 0.5).requires_grad_()
    assert not new_scene(image, (32, 32), 0).requires_grad
