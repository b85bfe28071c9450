"""Muon: momentum whose update of a weight matrix is made orthogonal.

Jordan et al. 2024, kellerjordan.github.io/posts/muon. torch.optim.Muon is new in torch 2.9 and takes matrices only;
convolutions need the filters flattened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..network.architecture import SinDDMNet

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration that drives singular values towards 1."""
MOMENTUM = 0.95
ADAM_BETAS = (0.9, 0.999)


def orthogonal(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Nearly the orthogonal factor of [m, n]: same singular vectors, singular values of about 0.7 to 1.2."""
    a, b, c = NEWTON_SCHULZ
    wide = matrix.T if len(matrix) > matrix.shape[1] else matrix
    x = wide / (wide.norm() + 1e-7)
    for _ in range(iterations):
        product = x @ x.T
        x = a * x + (b * product + c * product @ product) @ x
    found: Tensor = x.T if len(matrix) > matrix.shape[1] else x
    return found


class Muon(Optimizer):
    """Muon for the 3×3 filters inside the blocks, Adam (Kingma and Ba, arXiv 1412.6980) for everything else."""

    def __init__(self, network: SinDDMNet, filter_rate: float, other_rate: float) -> None:
        filters = [p for name, p in network.named_parameters() if ".net." in name and p.ndim == 4]
        chosen = {id(p) for p in filters}
        others = [p for p in network.parameters() if id(p) not in chosen]
        super().__init__(
            [
                {"params": filters, "lr": filter_rate, "orthogonal": True},
                {"params": others, "lr": other_rate, "orthogonal": False},
            ],
            {},
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step down the gradients; there is no closure."""
        assert closure is None
        for group in self.param_groups:
            update = _muon_update if group["orthogonal"] else _adam_update
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.add_(update(parameter, self.state[parameter]), alpha=-group["lr"])


def _muon_update(parameter: Tensor, state: dict[str, Any]) -> Tensor:
    gradient = parameter.grad
    assert gradient is not None
    if not state:
        state["momentum"] = torch.zeros_like(parameter)
    momentum: Tensor = state["momentum"].lerp_(gradient, 1.0 - MOMENTUM)
    ahead = gradient.lerp(momentum, MOMENTUM).reshape(len(parameter), -1)
    taller = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
    update: Tensor = orthogonal(ahead).reshape(parameter.shape) * taller
    return update


def _adam_update(parameter: Tensor, state: dict[str, Any]) -> Tensor:
    gradient = parameter.grad
    assert gradient is not None
    if not state:
        state |= {name: torch.zeros_like(parameter) for name in ("mean", "square")}
        state["step"] = torch.zeros(())
    state["step"] += 1
    mean: Tensor = state["mean"].lerp_(gradient, 1.0 - ADAM_BETAS[0])
    square: Tensor = state["square"].lerp_(gradient.square(), 1.0 - ADAM_BETAS[1])
    taken = float(state["step"])
    scale = (square / (1.0 - ADAM_BETAS[1] ** taken)).sqrt_().add_(1e-8)
    update: Tensor = mean / (1.0 - ADAM_BETAS[0] ** taken) / scale
    return update
