"""Nodes inside a real ComfyUI that no example graph has: guides, prompts, scores, trained models."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import open_clip
import pytest
import torch

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

Graph = dict[str, Any]
SCENE = {"class_type": "SinDDMScene", "inputs": {"scene": "house"}}
EDIT = {"image": ["scene", 0], "text": "The house is damaged", "seed": 0, "strength": 1.0, "candidates": 1}


def saved(images: list[Any]) -> Graph:
    return {"class_type": "SaveImage", "inputs": {"images": images, "filename_prefix": "nodes"}}


def shown(source: list[Any]) -> Graph:
    return {"class_type": "PreviewAny", "inputs": {"source": source}}


def steered(guide: str) -> Graph:
    """An edit by a guide and an ensemble of prompts, and its scores."""
    prompts = {"text": "The house is damaged", "source": "offline", "n": 6}
    return {
        "scene": SCENE,
        "guide": {"class_type": "SinDDMGuide", "inputs": {"guide": guide}},
        "prompts": {"class_type": "SinDDMPrompts", "inputs": prompts},
        "edit": {
            "class_type": "SinDDMEdit",
            "inputs": {**EDIT, "guide": ["guide", 0], "prompts": ["prompts", 0], "mask": ["scene", 1]},
        },
        "score": {
            "class_type": "SinDDMScore",
            "inputs": {
                "image": ["edit", 0],
                "text": "The house is damaged",
                "guide": ["guide", 0],
                "source": ["scene", 0],
                "mask": ["scene", 1],
            },
        },
        "texts": shown(["prompts", 1]),
        "scores": shown(["score", 1]),
        "save": saved(["edit", 0]),
    }


def told(entry: Graph, node: str) -> list[str]:
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    texts: list[str] = entry["outputs"][node]["text"]
    return texts


def test_an_edit_by_guide_and_prompts_is_scored(comfyui: ComfyUI) -> None:
    entry = comfyui.run(steered("compact"))
    (scores,) = told(entry, "scores")
    assert "CLIP score" in scores and "PSNR outside, dB: exact" in scores
    texts = told(entry, "texts")
    assert len(texts) == 6 and texts[0] == "The house is damaged"


@pytest.fixture
def clip_weights(comfyui: ComfyUI) -> str:
    """Random weights of a small CLIP among the server's models; the file's name."""
    path = comfyui.log.parent / "models" / "remoteclip" / "mine.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(open_clip.create_model("RN50").half().state_dict(), path)
    return path.name


def test_a_clip_from_the_models_folder_steers_under_comfyuis_memory_management(
    comfyui: ComfyUI, clip_weights: str
) -> None:
    entry = comfyui.run(steered(clip_weights))
    (scores,) = told(entry, "scores")
    assert "scored by mine" in scores
    assert len(comfyui.saved(entry)) == 1


def trained(prompt: str) -> Graph:
    training = {"image": ["scene", 0], "recipe": "fast", "iterations": 3, "time_budget": 0.0, "seed": 0}
    return {
        "scene": SCENE,
        "train": {"class_type": "SinDDMTrain", "inputs": training},
        "edit": {
            "class_type": "SinDDMEdit",
            "inputs": {**EDIT, "text": prompt, "model": ["train", 0], "mask": ["scene", 1]},
        },
        "save": saved(["edit", 0]),
    }


def test_another_prompt_does_not_train_again(comfyui: ComfyUI) -> None:
    first = comfyui.run(trained("covered with purple flowers"))
    second = comfyui.run(trained("covered with yellow flowers"))
    (cached,) = [message["nodes"] for kind, message in second["status"]["messages"] if kind == "execution_cached"]
    assert "train" in cached and "edit" not in cached
    (one,), (other,) = comfyui.saved(first), comfyui.saved(second)
    assert not np.array_equal(one, other)


def cancelled(comfyui: ComfyUI, graph: Graph, after: float) -> None:
    """Queue a graph and cancel it ``after`` seconds at work; it must end soon, as cancelled."""
    prompt = comfyui.post(graph)
    time.sleep(after)
    comfyui.interrupt()
    limit = time.monotonic() + 30
    while (entry := comfyui.ended(prompt)) is None:
        assert time.monotonic() < limit, "went on after it was cancelled"
        time.sleep(0.2)
    assert "execution_interrupted" in [kind for kind, _ in entry["status"]["messages"]], entry["status"]


def test_a_cancelled_training_is_put_aside_and_resumed(comfyui: ComfyUI) -> None:
    graph = trained("covered with purple flowers")
    graph = {name: node for name, node in graph.items() if name in ("scene", "train")} | {"steps": shown(["train", 2])}
    graph["train"]["inputs"] |= {"iterations": 100_000, "seed": 17}
    cancelled(comfyui, graph, after=10)
    folder = Path(comfyui.log.parent, "models", "sinddm", "trainings")
    assert len(list(folder.iterdir())) == 1
    told_steps = re.findall(r"is put aside after (\d+) steps", comfyui.log_end())
    graph["train"]["inputs"] |= {"time_budget": 0.1, "resume": True}
    (steps,) = told(comfyui.run(graph), "steps")
    assert [steps] == told_steps[-1:], "the steps before the cancel count, and their time has spent the budget"
    assert list(folder.iterdir()) == []


def test_sampling_can_be_cancelled(comfyui: ComfyUI) -> None:
    inputs = {"model": ["model", 0], "width": 1024, "height": 1024, "batch_size": 16, "seed": 1}
    graph = {
        "scene": SCENE,
        "model": {"class_type": "SinDDMInstantModel", "inputs": {"image": ["scene", 0]}},
        "sample": {"class_type": "SinDDMSample", "inputs": inputs},
        "save": saved(["sample", 0]),
    }
    cancelled(comfyui, graph, after=5)


def test_a_model_is_saved_loaded_and_sampled(comfyui: ComfyUI) -> None:
    graph = trained("covered with purple flowers")
    graph = {name: node for name, node in graph.items() if name in ("scene", "train")}
    graph["keep"] = {"class_type": "SinDDMSaveModel", "inputs": {"model": ["train", 0], "name": "house"}}
    assert comfyui.run(graph)["status"]["status_str"] == "success"
    (kept,) = Path(comfyui.log.parent, "models", "sinddm").glob("house*.safetensors")
    again = {
        "load": {"class_type": "SinDDMLoadModel", "inputs": {"name": kept.name}},
        "sample": {
            "class_type": "SinDDMSample",
            "inputs": {"model": ["load", 0], "width": 96, "height": 64, "batch_size": 2, "seed": 1},
        },
        "save": saved(["sample", 0]),
    }
    samples = comfyui.pictures(again)
    assert [each.shape for each in samples] == [(64, 96, 3)] * 2
    assert not np.array_equal(*samples)
