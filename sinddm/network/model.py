"""A SinDDM model of one image: the trained network with all that is needed to sample from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ...rasters.raster import Values
from ..pyramid import Size, size_of
from ..scales import enlarge, scaled_sizes
from ..schedule import NoiseLevel, noise_schedule
from .architecture import SinDDMNet
from .diffusion import Diffusion

STEPS = (20, 5)
"""Network evaluations at scale 0 and at each scale above it."""
TOWARDS_END = 1.5
"""Exponent with which the steps crowd where little noise is left, above scale 0."""


@dataclass(frozen=True)
class Origin:
    """Where a model comes from. recipe: name of how it was trained; iterations: how long.

    source_hash: SHA-256 of the training picture's float32 values, hexadecimal. values: how its file stored them.
    events: names of the events that it has seen as well.
    """

    recipe: str
    iterations: int
    source_hash: str
    values: Values = field(default_factory=Values)
    events: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SinDDMModel:
    """The network of one image at its scales.

    image: the picture of the finest scale, float [C, H, W] in −1…1. factor: r between two scales.
    details: ℓ_s of the scales above 0. schedule: its name. origin: how it came about.
    """

    network: SinDDMNet
    image: Tensor
    factor: float
    details: tuple[float, ...]
    schedule: str
    origin: Origin
    diffusion: Diffusion = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "diffusion", Diffusion(noise_schedule(self.schedule), self.details))

    @property
    def scales(self) -> int:
        """How many scales there are."""
        return len(self.details) + 1

    @property
    def size(self) -> Size:
        """(height, width) of its picture in pixels."""
        return size_of(self.image)

    def to(self, device: torch.device | str) -> SinDDMModel:
        """The model on a device; the network itself is moved, not copied."""
        return SinDDMModel(
            self.network.to(device), self.image.to(device), self.factor, self.details, self.schedule, self.origin
        )


class NetworkDenoiser:
    """The trained network as a :class:`~.denoiser.Denoiser`.

    steps: evaluations at scale 0 and at each scale above. Bands beyond the network's own, such as a map of what a pixel
    shows, follow the coarser scale.
    """

    def __init__(self, model: SinDDMModel, steps: tuple[int, int] = STEPS) -> None:
        self.model = model
        self.channels = model.network.channels
        self._steps = steps

    def sizes(self, size: Size) -> list[Size]:
        return scaled_sizes(size, self.model.scales, self.model.factor)

    def levels(self, scale: int, start: float | None) -> Sequence[NoiseLevel]:
        diffusion = self.model.diffusion
        if start is None:
            first = diffusion.start_steps[scale] - 1
        else:
            first = diffusion.schedule.first_step_above(start / max(1.0 - start, 1e-6))
        count = min(self._steps[min(scale, 1)], first + 1)
        return [diffusion.schedule.level(t) for t in _spread(first, count, TOWARDS_END if scale else 1.0)]

    def stage(self, scale: int, size: Size, _previous: Any | None, coarse: Tensor | None, /) -> NetworkStage:
        if coarse is None:
            return NetworkStage(self.model, scale, None, renewal=1.0 if scale == 0 else 0.0)
        return NetworkStage(self.model, scale, enlarge(coarse, size), renewal=0.0)


class NetworkStage:
    """One scale of one run, a :class:`~.denoiser.Stage`.

    blurred: the finished coarser scale, enlarged, float [C, H, W] in −1…1; None at scale 0.
    As published, scale 0 renews its noise (DDPM) and the scales above are deterministic.
    """

    def __init__(self, model: SinDDMModel, scale: int, blurred: Tensor | None, renewal: float) -> None:
        self._model, self._scale, self._blurred = model, scale, blurred
        self.renewal = renewal

    def predict(self, noisy: Tensor, level: NoiseLevel) -> Tensor:
        assert level.step is not None  # the levels are this model's own
        bands = self._model.network.channels
        batch = noisy[None, :bands].contiguous(memory_format=torch.channels_last)
        noise = self._model.network(batch, level.step, self._scale)[0]
        mix = self._model.diffusion.without_noise(noisy[:bands], noise, level.step)
        blurred = None if self._blurred is None else self._blurred[:bands]
        clean = self._model.diffusion.unmixed(mix, blurred, level.step, self._scale).clamp(-1.0, 1.0)
        further = torch.full_like(noisy[bands:], -1.0) if self._blurred is None else self._blurred[bands:]
        return torch.cat([clean, further])

    def settled(self, clean: Tensor, /) -> Tensor:
        return clean  # the blend below keeps to the coarser scale

    def noiseless(self, clean: Tensor, level: NoiseLevel) -> Tensor:
        assert level.step is not None
        return self._model.diffusion.mixed(clean, self._blurred, level.step, self._scale)


def _spread(first: int, count: int, exponent: float) -> list[int]:
    """``count`` falling steps from ``first`` to 0; ``first`` alone where one is wanted."""
    if count == 1:
        return [first]
    steps = [round(first * ((count - 1 - i) / (count - 1)) ** exponent) for i in range(count)]
    return sorted(set(steps), reverse=True)
