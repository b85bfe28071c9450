from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.guidance.editing import EditSettings, Progress
from comfyui_sinddm_rs.nodes import edit as module
from comfyui_sinddm_rs.nodes.edit import SinDDMEdit
from torch import Tensor


@dataclass
class Result:
    image: Tensor
    changed: Tensor
    score_after: float


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What edit_image is asked for; in its place a function that needs gradients and adds 0.25."""
    asked: list[dict[str, Any]] = []

    def edit_image(image: Tensor, text: str, *, roi: Tensor | None, settings: EditSettings, progress: Any) -> Result:
        asked.append({"text": text, "roi": roi, "settings": settings})
        wanted = torch.zeros_like(image, requires_grad=True)
        (wanted * 0.25).sum().backward()
        assert wanted.grad is not None
        progress(Progress(0.5, "sampling", image[:3]))
        progress(Progress(1.0, "done"))
        return Result(image + wanted.grad, torch.ones(image.shape[-2:]), 10.0 * len(asked))

    monkeypatch.setattr(module, "edit_image", edit_image)
    return asked


def run(**inputs: Any) -> tuple[Tensor, Tensor, float]:
    with torch.inference_mode():  # as ComfyUI does
        wanted = {"text": "A fire", "seed": 7, "strength": 0.5, "candidates": 2}
        return SinDDMEdit().edit(**{**wanted, **inputs})


def test_each_image_of_a_batch_is_edited_with_a_seed_of_its_own(host: Any, calls: list[dict[str, Any]]) -> None:
    image = torch.rand(2, 40, 50, 3, generator=torch.Generator().manual_seed(0))
    edited, changed, score = run(image=image)
    assert torch.equal(edited, image + 0.25)
    assert tuple(changed.shape) == (2, 40, 50)
    assert score == 15.0
    settings = [call["settings"] for call in calls]
    assert [(each.seed, each.strength, each.candidates, each.device) for each in settings] == [
        (7, 0.5, 2, "cpu"),
        (8, 0.5, 2, "cpu"),
    ]
    assert [call["roi"] for call in calls] == [None, None]
    assert [update / host.total for update in host.updates] == [0.25, 0.5, 0.75, 1.0]
    assert [preview and preview[1].size for preview in host.previews] == [(50, 40), None, (50, 40), None]


@pytest.mark.usefixtures("host")
def test_mask_becomes_the_region(calls: list[dict[str, Any]]) -> None:
    mask = torch.zeros(1, 40, 50)
    mask[:, :5] = 1
    run(image=torch.zeros(1, 40, 50, 3), mask=mask)
    assert torch.equal(calls[0]["roi"], mask[0])


def test_a_cancelled_run_ends_the_edit(host: Any, calls: list[dict[str, Any]]) -> None:
    host.cancelled = True
    with pytest.raises(InterruptedError):
        run(image=torch.zeros(2, 40, 50, 3))
    assert len(calls) == 1


def test_defaults_are_those_of_the_function() -> None:
    required = SinDDMEdit.INPUT_TYPES()["required"]
    for name in ("seed", "strength", "candidates"):
        assert required[name][1]["default"] == getattr(EditSettings(), name)
