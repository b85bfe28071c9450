"""What the network sees in one training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..network.architecture import SinDDMNet
from ..network.diffusion import Diffusion
from ..scales import Scales


@dataclass(frozen=True)
class Batch:
    """Pictures [B, C, h, w] in −1…1, sharp and as the coarser scale sees them, with t, s and γ, [B] each."""

    sharp: Tensor
    blurred: Tensor
    t: Tensor
    s: Tensor
    gamma: Tensor


class Batches(Protocol):
    """A source of batches."""

    @property
    def pixels(self) -> float:
        """Pixels in one batch, on average."""
        ...

    def draw(self, generator: torch.Generator) -> Batch:
        """The next batch; all randomness is the generator's."""
        ...


class WholeImages:
    """The published way: ``count`` copies of the whole image at one random scale, each at its own random t.

    A :class:`Batches` itself.
    """

    def __init__(self, scales: Scales, diffusion: Diffusion, count: int) -> None:
        self._scales, self._diffusion, self._count = scales, diffusion, count

    @property
    def pixels(self) -> float:
        return self._count * sum(height * width for height, width in self._scales.sizes) / len(self._scales)

    def draw(self, generator: torch.Generator) -> Batch:
        scale = int(torch.randint(len(self._scales), (1,), generator=generator))
        s = torch.full((self._count,), scale)
        t = torch.randint(len(self._diffusion.schedule), (self._count,), generator=generator)
        sharp, blurred = (
            each[scale].expand(self._count, -1, -1, -1) for each in (self._scales.sharp, self._scales.blurred)
        )
        return Batch(sharp, blurred, t, s, self._diffusion.gammas[s, t])


class Crops:
    """Random crops of all scales in one batch, with time steps spread evenly over 0…T−1: its cost does not depend on
    the image's size. A :class:`Batches` itself.

    images: the image's scales first, then those of exemplars, each as likely as the others together. side: of a crop in
        pixels, or less where an image's scale 0 is smaller.
    """

    def __init__(self, images: Sequence[Scales], diffusion: Diffusion, count: int, side: int) -> None:
        self._images, self._diffusion, self._count = images, diffusion, count
        self._side = min(side, *(min(scales.sizes[0]) for scales in images))

    @property
    def pixels(self) -> float:
        return float(self._count * self._side**2)

    def draw(self, generator: torch.Generator) -> Batch:
        count, steps = self._count, len(self._diffusion.schedule)
        t = (
            (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) * (steps / count)
        ).long()
        s = torch.randint(len(self._images[0]), (count,), generator=generator)
        pairs = [self._crop(int(scale), generator) for scale in s]
        sharp, blurred = (torch.stack(each) for each in zip(*pairs, strict=True))
        return Batch(sharp, blurred, t.clamp_max(steps - 1), s, self._diffusion.gammas[s, t])

    def _crop(self, scale: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        image = self._images[0]
        if len(self._images) > 1 and below(2, generator):
            image = self._images[1 + below(len(self._images) - 1, generator)]
        sharp, blurred = image.sharp[scale], image.blurred[scale]
        top, left = (below(int(side) - self._side + 1, generator) for side in sharp.shape[-2:])
        window = (slice(None), slice(top, top + self._side), slice(left, left + self._side))
        return sharp[window], blurred[window]


def below(limit: int, generator: torch.Generator) -> int:
    """A random whole number from 0 to ``limit`` − 1."""
    return int(torch.randint(limit, (1,), generator=generator))


def noise_losses(
    network: SinDDMNet, diffusion: Diffusion, batch: Batch, generator: torch.Generator, reduced_precision: bool = False
) -> Tensor:
    """Mean |ε − ε̂| of each picture of the batch, [B] (paper, eq. 5)."""
    device = next(network.parameters()).device
    noise = torch.randn(batch.sharp.shape, generator=generator)
    noisy = diffusion.noisy(batch.sharp, batch.blurred, noise, batch.t, batch.gamma)
    noisy = noisy.to(device).contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=reduced_precision):
        predicted = network(noisy, batch.t.to(device), batch.s.to(device))
    losses: Tensor = (predicted.float() - noise.to(device)).abs().mean((1, 2, 3))
    return losses
