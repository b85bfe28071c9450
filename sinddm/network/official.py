"""Models trained with the published SinDDM code (github.com/fallenshock/SinDDM), read without running any of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ...rasters.raster import Values
from ..fingerprint import fingerprint
from ..pickles import check_pickle
from ..scales import Scales, published_scales
from ..schedule import noise_schedule
from .architecture import PUBLISHED_WIDTH, blank_network, weight_shapes
from .diffusion import Diffusion
from .model import Origin, SinDDMModel

PREFIX = "denoise_fn."
"""How the published code calls the network inside its diffusion."""
GAMMAS = "gammas"
SCHEDULE = "cosine"
MAX_WIDTH = 16 * PUBLISHED_WIDTH


def import_official(path: str | Path, image: Tensor, values: Values | None = None) -> SinDDMModel:
    """The model in a checkpoint ``model-N.pt`` of the published code, for the picture that it was trained on.

    image: float [3, H, W] in −1…1. values: how its file stores it. The averaged weights are taken. Raises InputError
    that names every mismatch: keys, shapes, and scales that are not this picture's.
    """
    saved = _read(Path(path))
    averaged = saved.get("ema") if isinstance(saved.get("ema"), Mapping) else saved.get("model")
    if not isinstance(averaged, Mapping):
        raise InputError(f"{path} holds neither 'ema' nor 'model' weights; give a model-N.pt of the SinDDM code.")
    found = {str(k)[len(PREFIX) :]: v for k, v in averaged.items() if str(k).startswith(PREFIX)}
    weights = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    scales = published_scales(image)
    width = _width(weights)
    wrong = _differences(weight_shapes(width, 3), weights)
    wrong += _scale_differences(averaged, scales)
    if wrong:
        raise InputError(f"{path} does not fit: {'; '.join(wrong)}; give the picture and the code's own checkpoint.")
    network = blank_network(width, 3)
    network.load_state_dict(weights)
    step = saved.get("step", 0)
    origin = Origin("official", int(step) if isinstance(step, int) else 0, fingerprint(image), values or Values())
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return SinDDMModel(network, scales.sharp[-1], scales.factor, scales.details, SCHEDULE, origin)


def _read(path: Path) -> Mapping[str, Any]:
    check_pickle(path)
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a model-N.pt of the SinDDM code.") from error
    except Exception as error:  # torch raises whatever its reader meets, an UnpicklingError for what may run code
        raise InputError(
            f"{path} is damaged or holds more than weights, and is not opened;"
            " give a model-N.pt as the SinDDM code saves it."
        ) from error
    if not isinstance(saved, Mapping):
        raise InputError(f"{path} holds no named weights; give a model-N.pt of the SinDDM code.")
    return saved


def _width(weights: Mapping[str, Tensor]) -> int:
    last = weights.get("final_conv.0.weight")
    width = 2 * int(last.shape[1]) if last is not None and last.ndim == 4 else PUBLISHED_WIDTH
    return width if 0 < width <= MAX_WIDTH else PUBLISHED_WIDTH


def _differences(wanted: Mapping[str, tuple[int, ...]], weights: Mapping[str, Tensor]) -> list[str]:
    missing = [name for name in wanted if name not in weights]
    unknown = [name for name in weights if name not in wanted]
    shapes = [
        f"{name} is {list(weights[name].shape)} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in weights and tuple(weights[name].shape) != shape
    ]
    # Of the right shape alone: a tensor may repeat one number as often as its file says.
    broken = [
        f"{name} has values that are no numbers"
        for name, shape in wanted.items()
        if name in weights and tuple(weights[name].shape) == shape and not _finite(weights[name])
    ]
    return (
        ([f"missing {', '.join(missing)}"] if missing else [])
        + ([f"unknown {', '.join(unknown)}"] if unknown else [])
        + shapes
        + broken
    )


def _finite(values: Tensor) -> bool:
    return values.layout is torch.strided and values.is_floating_point() and bool(torch.isfinite(values.float()).all())


def _scale_differences(averaged: Mapping[str, Any], scales: Scales) -> list[str]:
    """Its γ tell how many scales it had, and of which detail."""
    gammas = averaged.get(GAMMAS)
    if not isinstance(gammas, Tensor):
        return ["missing gammas"]
    own = Diffusion(noise_schedule(SCHEDULE), scales.details).gammas[1:]
    if gammas.ndim != 2 or not gammas.is_floating_point() or gammas.layout is not torch.strided:
        return ["its gammas are no table of numbers"]
    if gammas.shape != own.shape:
        return [f"it has {len(gammas) + 1} scales and {gammas.shape[-1]} steps, the picture {len(own) + 1} and 100"]
    if not own.numel():  # one scale alone
        return []
    furthest = float((gammas - own).abs().max())
    if not furthest < 0.02 or math.isnan(furthest):
        return [f"its blur schedule differs from the picture's by up to {furthest:.2f}, so it saw another picture"]
    return []
