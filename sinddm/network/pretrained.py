"""The start that every fast training begins from: weights learnt once from public-domain aerial scenes."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from .architecture import SinDDMNet

WEIGHTS = Path(__file__).parent / "weights" / "start.safetensors"
BANDS_IN = ("l1.net.0.weight", "l1.res_conv.weight")
"""Weights whose second dimension is the bands."""
BANDS_OUT = (
    *(f"l1.{layer}.{kind}" for layer in ("time_reshape", "ds_conv") for kind in ("weight", "bias")),
    "final_conv.0.weight",
    "final_conv.0.bias",
)
"""Weights whose first dimension is the bands."""


@torch.no_grad()
def load_start(network: SinDDMNet) -> None:
    """Set the network's weights to the start's; a network of another width keeps its own.

    One band counts as the mean of red, green and blue; bands after the first three begin unseen, with that mean as
    their picture.
    """
    start = load_file(WEIGHTS)
    if network.dim != 2 * len(start["final_conv.0.weight"][0]):
        return
    for name, own in network.state_dict().items():
        own.copy_(_for_bands(name, start[name].float(), network.channels))


def _for_bands(name: str, weight: Tensor, bands: int) -> Tensor:
    if name in BANDS_IN:
        if bands < 3:
            return weight.sum(1, keepdim=True).expand(-1, bands, -1, -1) / bands
        return torch.cat([weight, torch.zeros_like(weight[:, :1]).expand(-1, bands - 3, -1, -1)], 1)
    if name in BANDS_OUT:
        mean = weight.mean(0, keepdim=True)
        known = weight if bands >= 3 else mean.expand(bands, *mean.shape[1:])
        return torch.cat([known, mean.expand(bands - len(known), *mean.shape[1:])])
    return weight
