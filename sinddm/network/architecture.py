"""SinDDM's network: fully convolutional, predicts the noise of x_t from (x_t, t, s) (Kulikov et al., arXiv 2211.16582).

Layers, widths and state-dict keys are those of the published model, so its weights load unchanged.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

RECEPTIVE_FIELD = 35
"""Side in pixels of what one output pixel sees, as published (33 by the layers as they are)."""
EMBEDDING = 32
PUBLISHED_WIDTH = 160


def sinusoidal_embedding(position: Tensor, width: int = EMBEDDING) -> Tensor:
    """[B] → [B, width]: sines, then cosines, of frequencies from 1 down to 1/10,000."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=position.device) * (-math.log(10_000.0) / (half - 1)))
    angles = position.to(torch.float32)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class ConditionedBlock(nn.Module):
    """Depthwise 5×5, plus the condition, then 3×3 – GELU – 3×3, beside a residual path."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.GELU(), nn.Linear(EMBEDDING, EMBEDDING))
        self.time_reshape = nn.Conv2d(EMBEDDING, width_in, 1)
        self.ds_conv = nn.Conv2d(width_in, width_in, 5, padding=2, groups=width_in)
        self.net = nn.Sequential(
            nn.Conv2d(width_in, width_out, 3, padding=1), nn.GELU(), nn.Conv2d(width_out, width_out, 3, padding=1)
        )
        self.res_conv = nn.Conv2d(width_in, width_out, 1) if width_in != width_out else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x: [B, width_in, H, W]; condition: [B, EMBEDDING] → [B, width_out, H, W]."""
        hidden = self.ds_conv(x) + self.time_reshape(self.mlp(condition)[:, :, None, None])
        mapped: Tensor = self.net(hidden)
        residual: Tensor = self.res_conv(x)
        return mapped + residual


class SinDDMNet(nn.Module):
    """ε̂(x_t, t, s). ``dim`` is the widest block (160 in the paper: 1,106,772 parameters for 3 channels)."""

    def __init__(self, dim: int = PUBLISHED_WIDTH, channels: int = 3) -> None:
        super().__init__()
        self.dim, self.channels = dim, channels
        half = dim // 2
        self.time_mlp = nn.Sequential(
            nn.Linear(2 * EMBEDDING, 4 * EMBEDDING), nn.GELU(), nn.Linear(4 * EMBEDDING, EMBEDDING)
        )
        self.l1 = ConditionedBlock(channels, half)
        self.l2 = ConditionedBlock(half, dim)
        self.l3 = ConditionedBlock(dim, dim)
        self.l4 = ConditionedBlock(dim, half)
        self.final_conv = nn.Sequential(nn.Conv2d(half, channels, 1))

    def forward(self, x: Tensor, t: Tensor | int, s: Tensor | int) -> Tensor:
        """Predicted noise, float [B, C, H, W].

        x: noisy images [B, C, H, W]. t: time step 0…T−1, s: scale, 0 the coarsest; each one number or [B].
        """
        condition = torch.cat([sinusoidal_embedding(_per_image(each, x)) for each in (t, s)], dim=1)
        condition = self.time_mlp(condition.to(x.dtype))
        for block in (self.l1, self.l2, self.l3, self.l4):
            x = block(x, condition)
        noise: Tensor = self.final_conv(x)
        return noise


def weight_shapes(dim: int, channels: int) -> dict[str, tuple[int, ...]]:
    """The shape of every weight by its name, of however large a network, without its memory.

    Raises ValueError for numbers that no network has.
    """
    try:
        with torch.device("meta"):
            network = SinDDMNet(dim, channels)
    except (ArithmeticError, RuntimeError, TypeError) as error:
        raise ValueError("no network has such a width and number of bands") from error
    return {name: tuple(each.shape) for name, each in network.state_dict().items()}


def blank_network(dim: int, channels: int) -> SinDDMNet:
    """A network whose weights are still to be set; the global random state is not touched."""
    with torch.device("meta"):
        network = SinDDMNet(dim, channels)
    return network.to_empty(device="cpu")


@torch.no_grad()
def new_network(dim: int, channels: int, generator: torch.Generator) -> SinDDMNet:
    """A network with random weights: uniform within ±1/√fan-in, torch's own choice for these layers."""
    network = blank_network(dim, channels)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = layer.weight[0].numel() ** -0.5
            for values in (layer.weight, layer.bias):
                assert values is not None
                values.uniform_(-bound, bound, generator=generator)
    return network


def _per_image(value: Tensor | int, x: Tensor) -> Tensor:
    return torch.as_tensor(value, device=x.device).reshape(-1).expand(len(x))
