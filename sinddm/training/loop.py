"""Training the network on one image (paper, Algorithm 1), as a loop that yields its steps."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError, TrainingError, number_text
from ...rasters.memory import enough_memory
from ...rasters.raster import Values
from ..fingerprint import fingerprint
from ..network.architecture import RECEPTIVE_FIELD, SinDDMNet, new_network
from ..network.diffusion import Diffusion
from ..network.model import Origin, SinDDMModel
from ..network.pretrained import load_start
from ..scales import Scales, scales_like
from ..schedule import SCHEDULES, noise_schedule
from .batches import noise_losses
from .recipes import RECIPES, Averaging, Recipe

SMOOTHING = 0.95
"""Share of the running loss of a scale that a new step leaves."""


@dataclass(frozen=True)
class TrainSettings:
    """What a user may choose about a training. Raises InputError for a value that cannot be.

    recipe: "fast" or "reference". iterations: None takes the recipe's own. time_budget: seconds after which the
    training ends, with its learning rate brought down by then; None sets no limit. width: of the widest block, None
    takes the recipe's own. schedule: "cosine" or "linear". seed: the same seed gives the same weights on one machine.
    device: where to train, for example "cpu" or "cuda".
    """

    recipe: str = "fast"
    iterations: int | None = None
    time_budget: float | None = None
    width: int | None = None
    schedule: str = "cosine"
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise InputError(f"There is no recipe '{self.recipe}'; choose one of {', '.join(RECIPES)}.")
        if self.schedule not in SCHEDULES:
            raise InputError(f"There is no schedule '{self.schedule}'; choose one of {', '.join(SCHEDULES)}.")
        if self.iterations is not None and self.iterations < 1:
            raise InputError(f"{self.iterations} iterations cannot be made; choose 1 or more.")
        if self.time_budget is not None and not 0 < self.time_budget < math.inf:
            raise InputError(f"A training cannot take {number_text(self.time_budget)} seconds; choose more than 0.")
        if self.width is not None and (self.width < 8 or self.width % 2):
            raise InputError(f"A network cannot be {self.width} wide; choose an even number from 8 up.")

    @property
    def chosen_recipe(self) -> Recipe:
        """The recipe with this training's own iterations and width."""
        recipe = RECIPES[self.recipe]
        return replace(recipe, iterations=self.iterations or recipe.iterations, width=self.width or recipe.width)


@dataclass(frozen=True)
class TrainStep:
    """One finished step. loss: mean |ε − ε̂| of its batch. scale_losses: running mean of each scale (NaN: not yet seen).

    seconds: spent so far. remaining: seconds still expected.
    """

    step: int
    iterations: int
    loss: float
    scale_losses: tuple[float, ...]
    seconds: float
    remaining: float


class Training:
    """A training of one image: iterate :meth:`run`, then ask for :meth:`model`.

    image: float [C, H, W] in −1…1. exemplars: further pictures at the same ground resolution that the network is to
    know as well. values: how the picture's file stores it, so that new pictures are stored likewise. events: names
    of the events that exemplars show. recipe: in place of the settings' own. Raises InputError for a picture that is
    too small or that the recipe cannot take.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        image: Tensor,
        settings: TrainSettings | None = None,
        exemplars: Sequence[Tensor] = (),
        values: Values | None = None,
        events: Sequence[str] = (),
        recipe: Recipe | None = None,
    ) -> None:
        self.settings = settings or TrainSettings()
        self.values, self.events = values or Values(), tuple(events)
        self.recipe = recipe or self.settings.chosen_recipe
        for each in (image, *exemplars):
            _check_picture(each)
        self.source_hash = fingerprint(image)
        # A host's tensors may come from inference mode, where nothing learns.
        self.scales: Scales = self.recipe.scales(image.clone())
        self.diffusion = Diffusion(noise_schedule(self.settings.schedule), self.scales.details)
        images = [self.scales, *(scales_like(each, self.scales) for each in exemplars)]
        self.image_count = len(images)
        self.batches = self.recipe.batches(images, self.diffusion)
        self.generator = torch.Generator().manual_seed(self.settings.seed)
        self.network = self._new_network(len(image))
        self.average = copy.deepcopy(self.network)
        self.optimiser = self.recipe.optimiser(self.network)
        self._rates = [float(group["lr"]) for group in self.optimiser.param_groups]
        self.step, self.seconds = 0, 0.0
        self.is_between_steps = True
        self.losses: list[float] = []
        self.scale_losses = [math.nan] * len(self.scales)
        self._reduced = self.recipe.reduced_precision and reduced_precision_pays(self.settings.device)

    def _new_network(self, channels: int) -> SinDDMNet:
        network = new_network(self.recipe.width, channels, self.generator)
        if self.recipe.pretrained:
            load_start(network)
        return network.to(self.settings.device).to(memory_format=torch.channels_last)

    @property
    def is_done(self) -> bool:
        """Whether all iterations are made or the time budget is spent."""
        budget = self.settings.time_budget
        return self.step >= self.recipe.iterations or (budget is not None and self.seconds >= budget)

    def run(self) -> Iterator[TrainStep]:
        """Train until done, one step an iteration.

        Raises TrainingError where the loss is no number any more, OutOfMemoryError.
        """
        while not self.is_done:
            begun = time.perf_counter()
            with torch.inference_mode(False), torch.enable_grad(), self._enough_memory():
                loss = self._one_step()
            self.seconds += time.perf_counter() - begun
            yield TrainStep(
                self.step, self.recipe.iterations, loss, tuple(self.scale_losses), self.seconds, self._remaining()
            )

    @property
    def is_sound(self) -> bool:
        """Whether all weights are numbers, so that they are worth keeping."""
        return all(bool(torch.isfinite(each).all()) for each in self.network.parameters())

    @torch.inference_mode(False)
    def model(self) -> SinDDMModel:
        """The model as trained so far, with averaged weights; on the CPU."""
        network = copy.deepcopy(self.average).to("cpu").eval().requires_grad_(False)
        origin = Origin(self.recipe.name, self.step, self.source_hash, self.values, self.events)
        return SinDDMModel(
            network, self.scales.sharp[-1], self.scales.factor, self.scales.details, self.settings.schedule, origin
        )

    def _enough_memory(self) -> AbstractContextManager[None]:
        height, width = self.scales.sharp[-1].shape[-2:]
        return enough_memory("train on a picture", (int(height), int(width)), "a smaller width")

    def _share(self) -> float:
        shares = [self.step / self.recipe.iterations]
        if self.settings.time_budget is not None:
            shares.append(self.seconds / self.settings.time_budget)
        return min(1.0, max(shares))

    def _remaining(self) -> float:
        share = self._share()
        return self.seconds * (1.0 - share) / share

    def _one_step(self) -> float:
        self.is_between_steps = False
        rate = self.recipe.rate(self.step, self._share())
        for group, own in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = own * rate
        batch = self.batches.draw(self.generator)
        losses = noise_losses(self.network, self.diffusion, batch, self.generator, self._reduced)
        loss = losses.mean()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise diverged(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        self._note(value, losses.detach().cpu(), batch.s)
        update_average(self.average, self.network, self.recipe.averaging, self.step)
        self.is_between_steps = True
        return value

    def _note(self, loss: float, losses: Tensor, scales: Tensor) -> None:
        self.losses.append(loss)
        for scale in sorted(set(scales.tolist())):
            new, old = float(losses[scales == scale].mean()), self.scale_losses[scale]
            self.scale_losses[scale] = new if math.isnan(old) else SMOOTHING * old + (1.0 - SMOOTHING) * new


def _check_picture(image: Tensor) -> None:
    height, width = image.shape[-2:]
    if min(height, width) < RECEPTIVE_FIELD:
        raise InputError(
            f"A picture of {width}×{height} px is smaller than the {RECEPTIVE_FIELD} px that the network sees at once;"
            " use a larger one."
        )
    if not bool(torch.isfinite(image).all()):
        raise InputError("The picture holds NaN or infinite values; fill them with numbers first.")
    if bool((image == image[:, :1, :1]).all()):
        raise InputError("The picture has one colour only, so there is nothing to learn from; choose another.")


def diverged(step: int) -> TrainingError:
    """The error to raise where the loss is no number any more after ``step``."""
    return TrainingError(
        f"The loss is no number any more after step {step:,}; resume from the last good checkpoint,"
        " or train again with another seed."
    )


@torch.no_grad()
def update_average(average: SinDDMNet, network: SinDDMNet, how: Averaging, step: int) -> None:
    """Take the weights after ``step`` into their moving average."""
    if step >= how.begin and step % how.every:
        return
    share = 1.0 if step < how.begin else 1.0 - how.decay
    for mean, now in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(now, share)


def reduced_precision_pays(device: str) -> bool:
    """Whether bfloat16 products are done by the device itself (1.5 to 2 times as quick), not emulated."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported: Any = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())
