"""Networks and optimisers as flat, named tensors, the way safetensors holds them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer

from .architecture import SinDDMNet


def network_tensors(network: SinDDMNet, prefix: str) -> dict[str, Tensor]:
    """The weights of a network, on the CPU, by their names after ``prefix``."""
    return {f"{prefix}.{name}": each.cpu().contiguous() for name, each in network.state_dict().items()}


def load_network(network: SinDDMNet, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Set a network's weights to the ``tensors`` whose names begin with ``prefix``.

    Raises RuntimeError where names or shapes do not fit.
    """
    network.load_state_dict(_part(tensors, prefix))


def optimiser_tensors(optimiser: Optimizer, prefix: str = "optimiser") -> dict[str, Tensor]:
    """What an optimiser remembers of each weight, on the CPU, by ``prefix``, the weight's index and a name."""
    return {
        f"{prefix}.{index}.{name}": each.cpu().contiguous()
        for index, state in optimiser.state_dict()["state"].items()
        for name, each in state.items()
    }


def load_optimiser(optimiser: Optimizer, tensors: Mapping[str, Tensor], prefix: str = "optimiser") -> None:
    """Bring back what ``optimiser_tensors`` kept. Raises ValueError where it does not fit."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, each in _part(tensors, prefix).items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = each.clone()
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: each for name, each in tensors.items() if name.startswith(f"{prefix}.")}
