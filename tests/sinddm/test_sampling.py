"""Sampling: the noise steps, the order of the scales, steering, watching, seeds and layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.sinddm.patches.model import PatchDenoiser, PatchSettings
from comfyui_sinddm_rs.sinddm.pyramid import Size, replace_lows, resize
from comfyui_sinddm_rs.sinddm.sampling import Plan, Step, add_noise, denoising_step, noise_again, sample
from comfyui_sinddm_rs.sinddm.schedule import NoiseLevel, flow_levels
from torch import Tensor

Picture = Callable[..., Tensor]
SMALL = PatchSettings(coarsest_side=14, steps=4)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Recorder:
    """A denoiser that fulfils the protocol and no more: predicts 10 · scale + step, and notes what it is asked."""

    channels = 2

    def __init__(self, sizes: Sequence[Size] = ((3, 4), (5, 9), (11, 16)), steps: int = 3) -> None:
        self._sizes, self._steps = list(sizes), steps
        self.stages: list[RecorderStage] = []
        self.starts: list[float] = []

    def sizes(self, size: Size) -> list[Size]:
        assert size == self._sizes[-1]
        return self._sizes

    def levels(self, scale: int, start: float | None) -> Sequence[NoiseLevel]:
        assert scale == len(self.starts)
        start = 0.8 if start is None else start
        self.starts.append(start)
        return flow_levels(start, self._steps)

    def stage(self, scale: int, size: Size, previous: Any | None, coarse: Tensor | None, /) -> RecorderStage:
        assert previous is (self.stages[-1] if self.stages else None)
        assert (coarse is None) == (scale == 0)
        self.stages.append(RecorderStage(scale, size, coarse))
        return self.stages[-1]


class RecorderStage:
    renewal = 0.0

    def __init__(self, scale: int, size: Size, coarse: Tensor | None = None) -> None:
        self.scale, self.size, self.coarse = scale, size, coarse
        self.seen: list[tuple[Tensor, NoiseLevel]] = []

    def predict(self, noisy: Tensor, level: NoiseLevel) -> Tensor:
        assert noisy.shape == (2, *self.size)
        self.seen.append((noisy.clone(), level))
        return torch.full_like(noisy, 10.0 * self.scale + len(self.seen) - 1)

    def settled(self, clean: Tensor, /) -> Tensor:
        return clean if self.coarse is None else replace_lows(clean, self.coarse)

    def noiseless(self, clean: Tensor, _level: NoiseLevel, /) -> Tensor:
        return clean


def test_noise_has_the_share_of_its_level_and_follows_its_generator() -> None:
    image, level = torch.full((1, 100, 100), 0.5), NoiseLevel(0.4, 0.6)
    noisy = add_noise(image, level, seeded())
    assert float(noisy.mean()) == pytest.approx(0.2, abs=0.03) and float(noisy.std()) == pytest.approx(0.6, abs=0.02)
    assert torch.equal(noisy, add_noise(image, level, seeded()))
    assert not torch.equal(noisy, add_noise(image, level, seeded(1)))
    assert torch.equal(add_noise(image, NoiseLevel(1.0, 0.0), seeded()), image)


def test_noise_again_leads_back_to_the_noisier_level() -> None:
    image, level, noisier = torch.full((1, 200, 200), 0.5), NoiseLevel(0.6, 0.4), NoiseLevel(0.3, 0.7)
    again = noise_again(add_noise(image, level, seeded()), level, noisier, seeded(1))
    assert float(again.mean()) == pytest.approx(0.3 * 0.5, abs=0.02)
    assert float(again.std()) == pytest.approx(0.7, abs=0.02)


def test_recurrence_takes_every_step_but_the_last_so_often() -> None:
    once, thrice, watched = Recorder(), Recorder(), []
    sample(once, (11, 16), seeded())
    sample(thrice, (11, 16), seeded(), recurrence=3, watch=lambda _, step: watched.append(step))
    steps = len(once.stages[0].seen)
    for stage in thrice.stages:
        levels = [level for _, level in stage.seen]
        assert len(levels) == 3 * (steps - 1) + 1
        assert levels[0] == levels[1] == levels[2] != levels[3]
        # Noised again, not seen again.
        assert not torch.equal(stage.seen[0][0], stage.seen[1][0])
    assert len(watched) == 3 * steps


def test_a_step_from_the_right_prediction_lands_on_the_next_level(picture: Picture) -> None:
    image, level, after = picture(3, 20, 24), NoiseLevel(0.3, 0.7), NoiseLevel(0.6, 0.4)
    moved = denoising_step(add_noise(image, level, seeded()), image, RecorderStage(0, (20, 24)), level, after, seeded())
    torch.testing.assert_close(moved, add_noise(image, after, seeded()))


def test_a_step_goes_towards_the_prediction(picture: Picture) -> None:
    image, level, after = picture(1, 20, 24), NoiseLevel(0.3, 0.7), NoiseLevel(0.6, 0.4)
    noisy = add_noise(image, level, seeded())
    stage = RecorderStage(0, (20, 24))
    moved, plain = (denoising_step(noisy, each, stage, level, after, seeded()) for each in (image + 0.1, image))
    difference = moved - plain
    torch.testing.assert_close(difference, torch.full_like(image, 0.1 * (0.6 - 0.4 * 0.3 / 0.7)))


def test_a_plan_holds_its_last_start_for_all_finer_scales() -> None:
    assert [Plan((0.9, 0.6)).start(scale) for scale in range(4)] == [0.9, 0.6, 0.6, 0.6]


def test_any_denoiser_of_the_protocol_is_sampled_from_coarse_to_fine() -> None:
    model, steps = Recorder(), []
    result = sample(model, (11, 16), seeded(), plan=Plan((1.0, 0.5)), watch=lambda _, step: steps.append(step))
    assert torch.equal(result, torch.full((2, 11, 16), 22.0))
    assert [stage.size for stage in model.stages] == [(3, 4), (5, 9), (11, 16)]
    assert model.starts == [1.0, 0.5, 0.5]
    assert [(s.scale, s.index) for s in steps] == [(scale, index) for scale in range(3) for index in range(3)]
    assert all((s.scales, s.steps) == (3, 3) for s in steps)
    assert [s.is_last for s in steps] == [False, False, True] * 3
    assert [s.is_finest for s in steps] == [False] * 6 + [True] * 3
    assert [level for stage in model.stages for _, level in stage.seen] == [s.level for s in steps]


def test_a_run_without_start_begins_at_pure_noise() -> None:
    model = Recorder([(60, 80)])
    sample(model, (60, 80), seeded(), plan=Plan((0.5,)))
    first = model.stages[0].seen[0][0]
    assert abs(float(first.mean())) < 0.05 and float(first.std()) == pytest.approx(1.0, abs=0.05)


def test_a_run_with_start_begins_at_its_noised_version(picture: Picture) -> None:
    model, image = Recorder(), picture(2, 11, 16)
    sample(model, (11, 16), seeded(), plan=Plan((0.4,)), start=image)
    first, level = model.stages[0].seen[0]
    assert torch.equal(first, add_noise(resize(image, (3, 4)), level, seeded())) and level.sigma == pytest.approx(0.4)


def test_a_finer_scale_begins_at_the_noised_coarser_result() -> None:
    model = Recorder([(30, 40), (60, 80)])
    sample(model, (60, 80), seeded(), plan=Plan((1.0, 0.5)))
    first = model.stages[1].seen[0][0]
    assert float(first.mean()) == pytest.approx(0.5 * 2.0, abs=0.05)
    assert float(first.std()) == pytest.approx(0.5, abs=0.05)


def test_the_lows_of_the_coarser_scale_are_kept_until_the_last_step() -> None:
    means: dict[tuple[int, int], float] = {}

    def note(clean: Tensor, step: Step) -> Tensor:
        means[step.scale, step.index] = float(clean.mean())
        return clean

    sample(Recorder(), (11, 16), seeded(), steer=note)
    expected = {(0, 0): 0, (0, 1): 1, (0, 2): 2, (1, 0): 2, (1, 1): 2, (1, 2): 12, (2, 0): 12, (2, 1): 12, (2, 2): 22}
    assert means == {key: pytest.approx(value, abs=1e-4) for key, value in expected.items()}


def test_every_prediction_is_steered_and_the_run_goes_on_with_the_result() -> None:
    model, watched = Recorder(), []

    def steer(clean: Tensor, step: Step) -> Tensor:
        return torch.full_like(clean, -1.0 - step.scale - 0.1 * step.index)

    result = sample(
        model, (11, 16), seeded(), steer=steer, watch=lambda clean, _: watched.append(float(clean[0, 0, 0]))
    )
    assert torch.equal(result, torch.full((2, 11, 16), -3.2))
    assert watched == pytest.approx([-1, -1.1, -1.2, -2, -2.1, -2.2, -3, -3.1, -3.2])
    for stage in model.stages:
        for index in (0, 1):
            (noisy, level), (following, after) = stage.seen[index : index + 2]
            steered = torch.full_like(noisy, -1.0 - stage.scale - 0.1 * index)
            torch.testing.assert_close(following, denoising_step(noisy, steered, stage, level, after, seeded()))


def test_a_watch_that_raises_stops_the_run() -> None:
    model = Recorder()

    def stop(_: Tensor, step: Step) -> None:
        if (step.scale, step.index) == (1, 1):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        sample(model, (11, 16), seeded(), watch=stop)
    assert [len(stage.seen) for stage in model.stages] == [3, 2]


@pytest.mark.parametrize("exact_below", [0, 2**62])
def test_the_same_seed_gives_the_same_bytes(picture: Picture, exact_below: int) -> None:
    settings = PatchSettings(coarsest_side=14, steps=4, exact_below=exact_below)

    def draw(seed: int) -> Tensor:
        return sample(PatchDenoiser(picture(1, 28, 32), settings=settings, seed=seed), (28, 32), seeded(seed))

    first, other = draw(1), draw(2)
    assert torch.equal(first, draw(1))
    assert float((first - other).abs().mean()) > 0.05


def test_the_global_random_state_is_neither_used_nor_changed(picture: Picture) -> None:
    model = PatchDenoiser(picture(1, 28, 28), settings=PatchSettings(coarsest_side=14, steps=4, exact_below=0))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state = torch.get_rng_state()
        first = sample(model, (28, 28), seeded())
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(2)
        assert torch.equal(sample(model, (28, 28), seeded()), first)


def test_a_start_keeps_its_layout(picture: Picture) -> None:
    image = picture(1, 32, 32)
    model = PatchDenoiser(image, settings=SMALL)

    def likeness(start: Tensor | None, first: float) -> float:
        drawn = sample(model, (32, 32), seeded(), plan=Plan((first, 0.4)), start=start)
        return float(torch.corrcoef(torch.stack([drawn.flatten(), image.flatten()]))[0, 1])

    assert likeness(image, 0.5) > 0.9
    assert likeness(None, 1.0) < 0.6


@pytest.mark.parametrize("size", [(20, 60), (61, 23), (33, 33)])
def test_scenes_of_any_aspect_are_drawn(picture: Picture, size: Size) -> None:
    drawn = sample(PatchDenoiser(picture(2, 32, 32), settings=SMALL), size, seeded())
    assert drawn.shape == (2, *size) and bool(drawn.isfinite().all())
    assert drawn.min() >= -1.001 and drawn.max() <= 1.001 and float(drawn.std()) > 0.1
