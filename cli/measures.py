"""What the benchmarks share."""

from __future__ import annotations

import sys

import torch
from torch import Tensor


def sized(scene: Tensor, side: int) -> Tensor:
    """A square of the scene [C, H, W], mirrored outwards where it is larger than the scene."""
    while min(scene.shape[-2:]) < side:
        scene = torch.cat([scene, scene.flip(-1)], -1)
        scene = torch.cat([scene, scene.flip(-2)], -2)
    return scene[:, :side, :side].clone()


def peak_memory() -> int | None:
    """Most memory the process ever held, in MB; None where the system does not tell."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 if sys.platform == "darwin" else 1 / 1024) / 2**20)


def gradient_energy(image: Tensor) -> float:
    """Mean squared difference of neighbouring pixels of [C, H, W]: how sharp a picture is, beside another."""
    return float(image.diff(dim=-1).square().mean() + image.diff(dim=-2).square().mean())
