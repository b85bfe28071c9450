"""A stand-in for the two ComfyUI modules that nodes use, so that nodes run without ComfyUI."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from torch import Tensor


@dataclass
class Host:
    """What the nodes told ComfyUI, and whether its user has cancelled, perhaps after some updates more."""

    cancelled: bool = False
    cancel_after: int | None = None
    stops_with: type[Exception] = InterruptedError
    total: int = 0
    updates: list[int] = field(default_factory=list)
    previews: list[Any] = field(default_factory=list)
    models: Path = Path("models")
    output: Path = Path("output")
    input: Path = Path("input")
    patched: list[Any] = field(default_factory=list)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Host:
    told = Host(models=tmp_path / "models", output=tmp_path / "output", input=tmp_path / "input")

    class ProgressBar:
        def __init__(self, total: int) -> None:
            self.total = told.total = total

        def update_absolute(self, value: int, *, preview: Any = None) -> None:
            if told.cancelled or len(told.updates) == told.cancel_after:
                raise told.stops_with
            told.updates.append(value)
            told.previews.append(preview)

    def model_patcher(model: Any, load_device: torch.device, offload_device: torch.device) -> object:
        assert load_device == offload_device == torch.device("cpu")
        told.patched.append(model)
        return model

    names = ("comfy", "comfy.utils", "comfy.model_management", "comfy.model_patcher")
    modules = {name: ModuleType(name) for name in names}
    modules["comfy.model_patcher"].ModelPatcher = model_patcher  # type: ignore[attr-defined]
    modules["comfy.model_management"].unet_offload_device = lambda: torch.device("cpu")  # type: ignore[attr-defined]
    modules["comfy.model_management"].load_models_gpu = told.patched.extend  # type: ignore[attr-defined]
    modules["comfy.utils"].ProgressBar = ProgressBar  # type: ignore[attr-defined]
    modules["comfy.model_management"].get_torch_device = lambda: torch.device("cpu")  # type: ignore[attr-defined]
    modules["folder_paths"] = folder_paths = ModuleType("folder_paths")
    folders: dict[str, list[str]] = {"clip_vision": [str(told.models / "clip_vision")]}
    folder_paths.models_dir = str(told.models)  # type: ignore[attr-defined]
    folder_paths.get_input_directory = lambda: str(told.input)  # type: ignore[attr-defined]
    folder_paths.get_output_directory = lambda: str(told.output)  # type: ignore[attr-defined]
    folder_paths.get_folder_paths = folders.__getitem__  # type: ignore[attr-defined]
    folder_paths.add_model_folder_path = lambda kind, path: folders.setdefault(kind, [path])  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return told


@pytest.fixture(scope="session")
def scene() -> Tensor:
    """IMAGE [1, 64, 71, 3] of an aerial scene."""
    return read_raster(scene_path("forest")).pixels[:, 100:164, 60:131].permute(1, 2, 0)[None].contiguous()


@pytest.fixture(scope="session")
def trained(scene: Tensor) -> SinDDMModel:
    """A model of the scene that has learnt for a moment."""
    training = Training(scene[0].permute(2, 0, 1) * 2.0 - 1.0, TrainSettings(iterations=3))
    list(training.run())
    return training.model()
