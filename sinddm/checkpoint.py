"""A training put aside: everything that going on bit for bit needs, in one safetensors file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from .model_file import read_tensor_file, tensor_file
from .training import Training

KIND = "comfyui-sinddm-rs checkpoint"
VERSION = 1


def checkpoint_path(model: str | Path) -> Path:
    """Where the checkpoint of a model file lies: beside it."""
    path = Path(model)
    return path.with_name(f"{path.stem}.checkpoint{path.suffix}")


def checkpoint_bytes(training: Training) -> bytes:
    """The whole file of a training as it stands."""
    header = {
        "kind": KIND,
        "version": VERSION,
        "source_hash": training.source_hash,
        "plan": _plan(training),
        "step": training.step,
        "seconds": training.seconds,
        "losses": training.losses,
        "scale_losses": [None if math.isnan(value) else value for value in training.scale_losses],
    }
    tensors = {"generator": training.generator.get_state()}
    for part, network in (("network", training.network), ("average", training.average)):
        tensors |= {f"{part}.{name}": each.cpu() for name, each in network.state_dict().items()}
    for index, state in training.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": each.cpu() for name, each in state.items()}
    return tensor_file(tensors, header)


def restore(training: Training, path: str | Path) -> None:
    """Bring a fresh training of the same image and settings to where the checkpoint stands.

    Raises InputError for a file that is no checkpoint of ours, or of another image or another plan.
    """
    header, tensors = read_tensor_file(path, KIND, VERSION)
    if header.get("source_hash") != training.source_hash:
        raise InputError(f"{path} belongs to another image; give that image, or train anew without --resume.")
    own, its = _plan(training), header.get("plan", {})
    other = [f"{name} {its.get(name)!r} instead of {value!r}" for name, value in own.items() if its.get(name) != value]
    if other:
        raise InputError(f"{path} was trained with {', '.join(other)}; ask for the same, or train without --resume.")
    try:
        training.network.load_state_dict(_part(tensors, "network."))
        training.average.load_state_dict(_part(tensors, "average."))
        training.optimiser.load_state_dict(_optimiser_state(training, tensors))
        training.generator.set_state(tensors["generator"])
        training.step, training.seconds = int(header["step"]), float(header["seconds"])
        training.losses = [float(value) for value in header["losses"]]
        training.scale_losses = [float("nan") if value is None else float(value) for value in header["scale_losses"]]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is damaged; train anew without --resume.") from error


def _plan(training: Training) -> dict[str, Any]:
    """What must be the same for the checkpoint to fit; how long to train may differ."""
    settings = training.settings
    return {
        "recipe": settings.recipe,
        "width": training.network.dim,
        "schedule": settings.schedule,
        "seed": settings.seed,
        "images": training.image_count,
    }


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: each for name, each in tensors.items() if name.startswith(prefix)}


def _optimiser_state(training: Training, tensors: dict[str, Tensor]) -> dict[str, Any]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, each in _part(tensors, "optimiser.").items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = each.clone()
    return {"state": state, "param_groups": training.optimiser.state_dict()["param_groups"]}
