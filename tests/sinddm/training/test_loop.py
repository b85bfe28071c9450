"""Training: the loss falls, the same seed gives the same weights, and what cannot be trained is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, TrainingError
from comfyui_sinddm_rs.sinddm.network.architecture import new_network
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings, update_average
from comfyui_sinddm_rs.sinddm.training.recipes import Averaging
from torch import Tensor

Picture = Callable[..., Tensor]


def trained(image: Tensor, steps: int, **choices: object) -> Training:
    training = Training(image, TrainSettings(iterations=steps, width=8, **choices))  # type: ignore[arg-type]
    for _ in training.run():
        pass
    return training


def weights(training: Training) -> list[Tensor]:
    return list(training.model().network.state_dict().values())


@pytest.mark.parametrize("recipe", ["fast", "reference"])
def test_every_step_is_told_and_the_loss_falls(picture: Picture, recipe: str) -> None:
    training = Training(picture(3, 48, 60), TrainSettings(recipe, iterations=12, width=8))
    steps = list(training.run())
    assert [step.step for step in steps] == list(range(1, 13)) and training.is_done
    assert all(math.isfinite(step.loss) and step.remaining >= 0 for step in steps)
    assert steps[-1].remaining == 0 and steps[-1].seconds == training.seconds > 0
    assert sum(training.losses[-4:]) < sum(training.losses[:4])
    assert len(steps[-1].scale_losses) == len(training.scales)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_state(picture: Picture) -> None:
    image = picture(3, 40, 44)
    before = torch.random.get_rng_state()
    first, again, other = (trained(image, 3, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(map(torch.equal, weights(first), weights(again)))
    assert not all(map(torch.equal, weights(first), weights(other)))


def test_a_time_budget_ends_the_training_and_brings_the_rate_down(picture: Picture) -> None:
    training = Training(picture(3, 40, 44), TrainSettings(iterations=100_000, width=8, time_budget=0.5))
    count = sum(1 for _ in training.run())
    assert 1 <= count < 100_000 and training.is_done and training.seconds >= 0.5
    assert training.optimiser.param_groups[0]["lr"] < 0.005


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_bands(picture: Picture, channels: int) -> None:
    model = trained(picture(channels, 40, 44), 2).model()
    assert model.network.channels == channels and model.image.shape == (channels, 40, 44)


def test_exemplars_are_seen(picture: Picture) -> None:
    image = picture(3, 48, 60)
    without = trained(image, 2)
    settings = TrainSettings(iterations=2, width=8)
    training = Training(image, settings, [torch.rand(3, 52, 50, generator=torch.Generator().manual_seed(0))])
    list(training.run())
    assert training.image_count == 2 and not all(map(torch.equal, weights(without), weights(training)))


def test_a_loss_that_is_no_number_stops_before_it_spoils_the_weights(picture: Picture) -> None:
    training = trained(picture(3, 40, 44), 2)
    training.recipe = Training(picture(3, 40, 44), TrainSettings(iterations=5, width=8)).recipe
    with torch.no_grad():
        training.network.final_conv[0].bias.fill_(math.inf)
    good = weights(training)
    with pytest.raises(TrainingError, match="no number any more after step 2; resume from the last good checkpoint"):
        next(training.run())
    assert training.step == 2 and all(map(torch.equal, weights(training), good))


def test_works_inside_inference_mode(picture: Picture) -> None:
    with torch.inference_mode():
        training = Training(picture(3, 40, 44), TrainSettings(iterations=2, width=8))
        for _ in training.run():
            assert torch.is_inference_mode_enabled() and not torch.is_grad_enabled()
        assert training.step == 2 and not training.model().network.final_conv[0].weight.is_inference()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda image: image[:, :34], "smaller than the 35 px"),
        (torch.zeros_like, "one colour"),
        (lambda image: image.clone().index_fill_(1, torch.tensor(3), math.nan), "NaN"),
    ],
)
def test_pictures_that_cannot_be_learnt(picture: Picture, change: Callable[[Tensor], Tensor], word: str) -> None:
    with pytest.raises(InputError, match=word):
        Training(change(picture(3, 48, 48)), TrainSettings(width=8))


def test_the_reference_takes_three_bands(picture: Picture) -> None:
    with pytest.raises(InputError, match="red, green and blue, not 4 bands"):
        Training(picture(4, 48, 48), TrainSettings("reference", width=8))


@pytest.mark.parametrize(
    "choice",
    [
        {"recipe": "slow"},
        {"schedule": "wavy"},
        {"iterations": 0},
        {"time_budget": 0.0},
        {"time_budget": math.nan},
        {"width": 7},
        {"width": 33},
    ],
)
def test_choices_that_cannot_be(choice: dict[str, object]) -> None:
    with pytest.raises(InputError, match="; choose"):
        TrainSettings(**choice)  # type: ignore[arg-type]


def test_the_paper_trains_for_60_000_iterations_at_full_width() -> None:
    recipe = TrainSettings("reference").chosen_recipe
    assert (recipe.iterations, recipe.width, recipe.pretrained) == (60_000, 160, False)
    rates = [recipe.rate(step, 0.0) for step in (0, 19_999, 20_000, 69_999, 110_000)]
    assert rates == [1.0, 1.0, 0.5, 0.25, 0.5**6]


def test_the_average_is_a_copy_at_first_and_then_follows_slowly() -> None:
    generator = torch.Generator().manual_seed(0)
    network, average = (new_network(8, 3, generator) for _ in range(2))
    how = Averaging(decay=0.9, every=2, begin=4)
    update_average(average, network, how, 3)
    assert all(map(torch.equal, average.parameters(), network.parameters()))
    with torch.no_grad():
        network.final_conv[0].bias.add_(1.0)
    before = average.final_conv[0].bias.clone()
    update_average(average, network, how, 5)
    assert torch.equal(average.final_conv[0].bias, before)
    update_average(average, network, how, 6)
    torch.testing.assert_close(average.final_conv[0].bias, before + 0.1)
