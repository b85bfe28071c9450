"""How well a network denoises its image with noise that it has not seen."""

from __future__ import annotations

import torch

from ..network.architecture import SinDDMNet
from ..network.diffusion import Diffusion
from ..scales import Scales
from .batches import Batch, noise_losses

EVERY = 7
"""Time steps between two that are tried."""
SEED = 1_000_003


def held_out_loss(network: SinDDMNet, scales: Scales, diffusion: Diffusion) -> float:
    """Mean |ε − ε̂| over all scales and evenly spaced time steps of whole pictures, always with the same noise."""
    generator = torch.Generator().manual_seed(SEED)
    losses = []
    with torch.no_grad():
        for scale in range(len(scales)):
            for step in range(EVERY // 2, len(diffusion.schedule), EVERY):
                t, s = torch.tensor([step]), torch.tensor([scale])
                pair = scales.sharp[scale][None], scales.blurred[scale][None]
                losses.append(noise_losses(network, diffusion, Batch(*pair, t, s, diffusion.gammas[s, t]), generator))
    return float(torch.cat(losses).mean())
