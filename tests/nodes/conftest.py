"""A stand-in for the two ComfyUI modules that nodes use, so that nodes run without ComfyUI."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
import torch


@dataclass
class Host:
    """What the nodes told ComfyUI, and whether its user has cancelled."""

    cancelled: bool = False
    total: int = 0
    updates: list[int] = field(default_factory=list)
    previews: list[Any] = field(default_factory=list)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    told = Host()

    class ProgressBar:
        def __init__(self, total: int) -> None:
            self.total = told.total = total

        def update_absolute(self, value: int, *, preview: Any = None) -> None:
            if told.cancelled:
                raise InterruptedError
            told.updates.append(value)
            told.previews.append(preview)

    modules = {name: ModuleType(name) for name in ("comfy", "comfy.utils", "comfy.model_management")}
    modules["comfy.utils"].ProgressBar = ProgressBar  # type: ignore[attr-defined]
    modules["comfy.model_management"].get_torch_device = lambda: torch.device("cpu")  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return told
