"""A training put aside: everything that going on bit for bit needs, in one safetensors file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..network.model_file import read_tensor_file, tensor_file
from ..network.weights_state import load_network, load_optimiser, network_tensors, optimiser_tensors
from .loop import Training

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
        tensors |= network_tensors(network, part)
    return tensor_file(tensors | optimiser_tensors(training.optimiser), header)


def restore(training: Training, path: str | Path) -> None:
    """Bring a fresh training of the same image and settings to where the checkpoint stands.

    Raises InputError for a file that is no checkpoint of ours, or of another image or another plan.
    """
    header, tensors = read_tensor_file(path, KIND, VERSION)
    if header.get("source_hash") != training.source_hash:
        raise InputError(f"{path} belongs to another image; give that image, or train anew without resuming.")
    own, its = _plan(training), header.get("plan", {})
    other = [f"{name} {its.get(name)!r} instead of {value!r}" for name, value in own.items() if its.get(name) != value]
    if other:
        raise InputError(f"{path} was trained with {', '.join(other)}; ask for the same, or train without resuming.")
    try:
        load_network(training.network, tensors, "network")
        load_network(training.average, tensors, "average")
        load_optimiser(training.optimiser, tensors)
        training.generator.set_state(tensors["generator"])
        training.step, training.seconds = int(header["step"]), float(header["seconds"])
        training.losses = [float(value) for value in header["losses"]]
        training.scale_losses = [float("nan") if value is None else float(value) for value in header["scale_losses"]]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is damaged; train anew without resuming.") from error


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
