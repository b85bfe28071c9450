"""A stand-in for the modules of ComfyUI that nodes use: its folders lie in one, and nothing is shown."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch


def stand_in(folder: Path) -> None:
    """Put it where nodes look for ComfyUI: models, input and output lie in ``folder``."""

    class ProgressBar:
        def __init__(self, total: int) -> None:
            self.total = total

        def update_absolute(self, value: int, *, preview: Any = None) -> None:
            pass

    names = ("comfy", "comfy.utils", "comfy.model_management", "comfy.model_patcher", "folder_paths")
    modules: dict[str, Any] = {name: ModuleType(name) for name in names}
    cpu = torch.device("cpu")
    modules["comfy.utils"].ProgressBar = ProgressBar
    modules["comfy.model_management"].get_torch_device = lambda: cpu
    modules["comfy.model_management"].unet_offload_device = lambda: cpu
    modules["comfy.model_management"].load_models_gpu = lambda _: None
    modules["comfy.model_patcher"].ModelPatcher = lambda model, *_: model
    paths = modules["folder_paths"]
    for name in ("models", "input", "output"):
        (folder / name).mkdir(exist_ok=True)
    places: dict[str, list[str]] = {"clip_vision": [str(folder / "models" / "clip_vision")]}
    paths.models_dir = str(folder / "models")
    paths.get_input_directory = lambda: str(folder / "input")
    paths.get_output_directory = lambda: str(folder / "output")
    paths.get_folder_paths = places.__getitem__
    paths.add_model_folder_path = lambda kind, path: places.setdefault(kind, [path])
    sys.modules.update(modules)
