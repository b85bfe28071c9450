"""Cancel at any step of any node that works for long: nothing half-written, nothing changed for the next run."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.nodes import progress
from comfyui_sinddm_rs.nodes.edit import SinDDMEdit
from comfyui_sinddm_rs.nodes.modes import SinDDMHarmonize, SinDDMStyle
from comfyui_sinddm_rs.nodes.sample import SinDDMSample
from comfyui_sinddm_rs.nodes.train import SinDDMTrain
from comfyui_sinddm_rs.nodes.types import InstantModel
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from comfyui_sinddm_rs.sinddm.network.model_file import model_bytes
from safetensors import safe_open
from torch import Tensor

from .conftest import Host

STEPS = 10_000 if int(os.environ.get("SINDDM_RS_KILLS", "5")) > 5 else 3
"""Of a longer run so many steps are tried, evenly, and the first and the last; all where many kills are asked for."""
Node = Callable[[Tensor, SinDDMModel], Any]


class InterruptProcessingException(Exception):  # noqa: N818 (ComfyUI's name, and its base)
    """What ComfyUI raises in a node's progress when its user has cancelled."""


def square(scene: Tensor) -> Tensor:
    return scene[:, :36, :36].clone()


NODES: dict[str, Node] = {
    "edit": lambda scene, _: SinDDMEdit().edit(
        image=square(scene), text="A fire in the forest", seed=7, strength=1.0, candidates=1
    ),
    "edit, candidates": lambda scene, _: SinDDMEdit().edit(
        image=square(scene), text="A fire in the forest", seed=7, strength=1.0, candidates=2
    ),
    "sample": lambda scene, _: SinDDMSample().sample(
        model=InstantModel(square(scene)[0].permute(2, 0, 1), ()), width=0, height=0, batch_size=2, seed=3
    ),
    "sample, trained": lambda _, trained: SinDDMSample().sample(model=trained, width=0, height=0, batch_size=1, seed=3),
    "style": lambda scene, trained: SinDDMStyle().style(
        model=trained, image=square(scene), text="Snow", strength=0.3, seed=3
    ),
    "harmonize": lambda scene, trained: SinDDMHarmonize().harmonize(
        model=trained, image=square(scene), steps=5, seed=3
    ),
    "train": lambda scene, _: SinDDMTrain().train(
        image=square(scene), recipe="fast", iterations=4, time_budget=0.0, seed=5
    ),
    "train, resumed": lambda scene, _: SinDDMTrain().train(
        image=square(scene), recipe="fast", iterations=4, time_budget=0.0, seed=5, resume=True
    ),
}


def state() -> tuple[Any, ...]:
    """All that a node could leave changed in its host."""
    name, keys, *rest = np.random.get_state(legacy=True)
    modes = (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_num_threads())
    kind = (torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled())
    return (torch.get_rng_state().tolist(), name, keys.tolist(), rest, random.getstate(), modes, kind)


def plain(value: Any) -> Any:
    """A node's outputs, ready to be compared."""
    if isinstance(value, Tensor):
        return value.tolist()
    return model_bytes(value) if isinstance(value, SinDDMModel) else value


def check_files(folder: Path) -> None:
    """All that is left is whole: checkpoints of trainings, under their own names."""
    for path in (each for each in folder.rglob("*") if each.is_file()):
        assert path.name.endswith(".checkpoint.safetensors"), path
        with safe_open(path, "pt") as file:
            assert file.keys()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_PREVIEW", math.inf)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", NODES)
def test_cancel_at_any_step_leaves_nothing_half_done_and_the_next_run_gives_the_same_bytes(
    name: str, host: Host, scene: Tensor, trained: SinDDMModel
) -> None:
    host.stops_with = InterruptProcessingException
    with torch.inference_mode():  # as ComfyUI does
        wanted = [plain(each) for each in NODES[name](scene, trained)]
        count = len(host.updates)
        steps = sorted({round(each) for each in np.linspace(0, count - 1, min(count, STEPS))})
        for step in steps:
            host.updates.clear()
            host.cancel_after = step
            before = state()
            with pytest.raises(InterruptProcessingException):
                NODES[name](scene, trained)
            assert state() == before and len(host.updates) == step
            check_files(host.models)
            host.cancel_after = None
            if step == steps[-1] or "train" in name:
                assert [plain(each) for each in NODES[name](scene, trained)] == wanted, step
                assert [path for path in host.models.rglob("*") if path.is_file()] == []
    assert not host.output.exists()
