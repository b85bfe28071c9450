"""The conditions under which ComfyUI runs a node, its folders and its memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from ..errors import OutOfMemoryError, SinDDMError
from ..guidance.guide import Guide
from ..rasters.memory import ADVICE, is_out_of_memory

log = logging.getLogger(__name__)

GUIDE_FOLDER = "remoteclip"
"""Our own kind of folder among ComfyUI's; ``clip_vision`` is searched too."""
MODEL_FOLDER = "sinddm"
"""Our own kind of folder for trained models, and their folder in ComfyUI's output."""
WEIGHTS = (".safetensors", ".pt")
_patchers: WeakKeyDictionary[Guide, Any] = WeakKeyDictionary()


def device() -> str:
    """The device that ComfyUI computes on, as its own options chose it."""
    from comfy.model_management import get_torch_device  # noqa: PLC0415 (exists inside ComfyUI only)

    return str(get_torch_device())


@contextmanager
def gradients() -> Iterator[None]:
    """ComfyUI runs nodes in inference mode, where no gradient can be taken; guidance needs them.

    Raises OutOfMemoryError where the block needs more memory than there is.
    """
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    except Exception as error:
        if isinstance(error, SinDDMError) or not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(ADVICE) from error


def warn(message: str) -> None:
    """Tell the user what ComfyUI shows in its console."""
    log.warning("SinDDM-RS: %s", message)


def guide_folders() -> list[Path]:
    """Where ComfyUI's user keeps CLIP weights, extra_model_paths.yaml included; our own folder first."""
    import folder_paths  # noqa: PLC0415 (exists inside ComfyUI only)

    own = Path(folder_paths.models_dir) / GUIDE_FOLDER
    folder_paths.add_model_folder_path(GUIDE_FOLDER, str(own))
    kinds = (GUIDE_FOLDER, "clip_vision")
    found = [Path(place) for kind in kinds for place in folder_paths.get_folder_paths(kind)]
    return list(dict.fromkeys(found))


def guide_files() -> list[str]:
    """The weight files in our own kind of folder."""
    import folder_paths  # noqa: PLC0415 (exists inside ComfyUI only)

    guide_folders()
    places = [Path(place) for place in folder_paths.get_folder_paths(GUIDE_FOLDER)]
    return sorted(
        {file.name for place in places if place.is_dir() for file in place.iterdir() if file.suffix in WEIGHTS}
    )


def sinddm_folders() -> list[Path]:
    """Where ComfyUI's user keeps trained models, extra_model_paths.yaml included; our own folder first."""
    import folder_paths  # noqa: PLC0415 (exists inside ComfyUI only)

    own = Path(folder_paths.models_dir) / MODEL_FOLDER
    folder_paths.add_model_folder_path(MODEL_FOLDER, str(own))
    return list(dict.fromkeys([own, *map(Path, folder_paths.get_folder_paths(MODEL_FOLDER))]))


def output_folder() -> Path:
    """Where trained models and rasters lie in ComfyUI's output."""
    import folder_paths  # noqa: PLC0415 (exists inside ComfyUI only)

    return Path(folder_paths.get_output_directory()) / MODEL_FOLDER


def input_folder() -> Path:
    """ComfyUI's input folder."""
    import folder_paths  # noqa: PLC0415 (exists inside ComfyUI only)

    return Path(folder_paths.get_input_directory())


def managed(guide: Guide) -> Guide:
    """The guide, its network known to ComfyUI's memory management, which may move it off the GPU between runs."""
    network = getattr(guide, "model", None)
    if isinstance(network, torch.nn.Module) and guide not in _patchers:
        from comfy.model_management import get_torch_device, unet_offload_device  # noqa: PLC0415 (inside ComfyUI only)
        from comfy.model_patcher import ModelPatcher  # noqa: PLC0415

        _patchers[guide] = ModelPatcher(network, get_torch_device(), unet_offload_device())
    return guide


def ready(guide: Guide) -> Guide:
    """The guide on the device that ComfyUI computes on, whatever was moved off in the meantime."""
    if guide in _patchers:
        from comfy.model_management import load_models_gpu  # noqa: PLC0415 (exists inside ComfyUI only)

        load_models_gpu([_patchers[guide]])
    return guide
