"""One model, one file: safetensors with a JSON header that says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ...errors import InputError
from ...rasters.raster import MAX_SIDE, Values
from ..schedule import SCHEDULES
from .architecture import SinDDMNet, blank_network, weight_shapes
from .model import Origin, SinDDMModel
from .weights_state import load_network, network_tensors

KIND = "comfyui-sinddm-rs model"
VERSION = 1
MODEL_SUFFIX = ".safetensors"
KEY = "sinddm_rs"
"""Key of the safetensors metadata under which the header stands."""
MAX_FACTOR, MAX_SCALES = 16.0, 64
PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def model_bytes(model: SinDDMModel) -> bytes:
    """The whole file of a model: its weights and its picture (half precision), and the header."""
    header = {
        "kind": KIND,
        "version": VERSION,
        "bands": model.network.channels,
        "width": model.network.dim,
        "value_range": asdict(model.origin.values),
        "pyramid": {"size": model.size, "factor": model.factor, "details": model.details},
        "schedule": model.schedule,
        "recipe": model.origin.recipe,
        "iterations": model.origin.iterations,
        "source_hash": model.origin.source_hash,
        "events": model.origin.events,
    }
    tensors = network_tensors(model.network, "network")
    return tensor_file(tensors | {"image": model.image.to(torch.float16)}, header)


def load_model(path: str | Path) -> SinDDMModel:
    """Read a model file. Raises InputError for one that is missing, damaged, not ours or of another version."""
    header, tensors = read_tensor_file(path, KIND, VERSION)
    try:
        # Before any memory is taken: the header may speak of a network that the file does not hold.
        network = _network(int(header["width"]), int(header["bands"]), tensors)
        image = tensors["image"].float()
        pyramid = header["pyramid"]
        factor, details = float(pyramid["factor"]), tuple(float(each) for each in pyramid["details"])
        if list(image.shape) != [network.channels, *pyramid["size"]] or max(image.shape) > MAX_SIDE:
            raise ValueError(f"its picture is {list(image.shape)}")
        if not 1.0 <= factor <= MAX_FACTOR or len(details) >= MAX_SCALES or not all(0 < each < inf for each in details):
            raise ValueError("no pyramid has such scales")
        if header["schedule"] not in SCHEDULES:
            raise ValueError("its schedule is unknown")
        return SinDDMModel(network, image, factor, details, header["schedule"], _origin(header))
    except (KeyError, TypeError, ValueError, RuntimeError, ArithmeticError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({_first_line(error)}); train or copy it again.") from error


def _network(width: int, bands: int, tensors: Mapping[str, Tensor]) -> SinDDMNet:
    wanted = {f"network.{name}": shape for name, shape in weight_shapes(width, bands).items()}
    if any(name not in tensors or tuple(tensors[name].shape) != shape for name, shape in wanted.items()):
        raise ValueError("its weights contradict its header")
    if not all(each.is_floating_point() and bool(torch.isfinite(each.float()).all()) for each in tensors.values()):
        raise ValueError("its values are no finite numbers")
    network = blank_network(width, bands)
    load_network(network, tensors, "network")
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _origin(header: Mapping[str, Any]) -> Origin:
    values = header["value_range"]
    dtype = np.dtype(str(values["dtype"]))
    stored = Values(dtype.name, float(values["low"]), float(values["high"]))
    if dtype.kind not in "iuf" or not -inf < stored.low < stored.high < inf:
        raise ValueError("no picture stores such values")
    events = tuple(str(each) for each in header["events"])
    return Origin(str(header["recipe"]), int(header["iterations"]), str(header["source_hash"]), stored, events)


def tensor_file(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    """The bytes of a safetensors file with these tensors, and the header as JSON in its metadata."""
    data: bytes = save({name: each.contiguous() for name, each in tensors.items()}, {KEY: json.dumps(header)})
    return data


def read_tensor_file(path: str | Path, kind: str, version: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Header and tensors, by their names, of a file of ours of this ``kind`` and ``version``.

    Raises InputError for any other.
    """
    source = Path(path)
    _refuse_other_kinds(source)
    try:
        with safe_open(str(source), "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{source} is damaged or no safetensors file; train or copy it again.") from error
    try:
        header = json.loads(metadata[KEY])
        found, its_version = header["kind"], header["version"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError(f"{source} was not written by sinddm-rs; give a file that `sinddm-rs train` made.") from None
    if found != kind:
        raise InputError(f"{source} is a {found}, not a {kind}; give the file that `sinddm-rs train -o` named.")
    if its_version != version:
        raise InputError(f"{source} is of version {its_version}, this program reads version {version}; train it again.")
    return header, tensors


def _refuse_other_kinds(source: Path) -> None:
    try:
        with source.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}); give a model file.") from error
    if start.startswith(PICKLE_STARTS):
        raise InputError(
            f"{source} is a pickle, which may run code, and is not opened;"
            " convert an official SinDDM checkpoint with `sinddm-rs import-official`."
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
