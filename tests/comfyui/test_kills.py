"""kill -9 of ComfyUI itself while it edits, trains and saves: what it left is whole, and its next start does the rest.

``SINDDM_RS_KILLS=50`` kills it ten times instead of twice.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from comfyui_server import ComfyUI, comfyui_to_run, running
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image
from safetensors import safe_open

KILLS = 10 if int(os.environ.get("SINDDM_RS_KILLS", "5")) > 5 else 2
GRAPH: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "scene.png"}},
    "2": {
        "class_type": "SinDDMTrain",
        "inputs": {
            "image": ["1", 0],
            "recipe": "fast",
            "iterations": 12,
            "time_budget": 0.0,
            "seed": 5,
            "resume": True,
        },
    },
    "3": {"class_type": "SinDDMSaveModel", "inputs": {"model": ["2", 0], "name": "m", "folder": "models"}},
    "4": {
        "class_type": "SinDDMEdit",
        "inputs": {"image": ["1", 0], "text": "A fire in the forest", "seed": 3, "strength": 1.0, "candidates": 1},
    },
    "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "edit"}},
}


def models(base: Path) -> dict[str, bytes]:
    """What the pack's nodes wrote, each read to its end; fails for a half-written one."""
    found = {}
    for path in (base / "models" / "sinddm").rglob("*"):
        if path.is_file() and not any(part.startswith((".sinddm-rs-", ".lock-")) for part in path.parts):
            with safe_open(path, "pt") as file:
                assert [file.get_tensor(name).shape for name in file.keys()]  # noqa: SIM118 (no mapping)
            found[path.name] = path.read_bytes()
    return found


def prepare(base: Path) -> None:
    (base / "input").mkdir(parents=True)
    with Image.open(scene_path("forest")) as scene:
        scene.convert("RGB").crop((100, 100, 148, 148)).save(base / "input" / "scene.png")


def test_comfyui_killed_at_a_random_moment_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    prepare(whole)
    python, app = comfyui_to_run()
    with running(python, app, whole) as server:
        begun = time.monotonic()
        picture = server.pictures(GRAPH)[0]
        seconds = time.monotonic() - begun
    wanted = models(whole)
    assert list(wanted) == ["m.safetensors"]
    base = tmp_path / "killed"
    prepare(base)
    rng = np.random.default_rng(7)
    for kill in range(KILLS):
        with running(python, app, base) as server:
            server.post(GRAPH)
            time.sleep(float(rng.uniform(0.0, seconds)))
            os.killpg(server.pid, signal.SIGKILL)
        (base / "custom_nodes" / "ComfyUI-SinDDM-RS").unlink()
        (base / "custom_nodes").rmdir()
        models(base)
        if kill == KILLS - 1:
            with running(python, app, base) as server:
                assert np.array_equal(again(server), picture)
            assert models(base) == wanted
            assert [path for path in (base / "models" / "sinddm").rglob(".*")] == []
    print(f"\nComfyUI: {KILLS} kills, each left whole files only, the last was resumed to the same bytes")


def again(server: ComfyUI) -> Any:
    return server.pictures(GRAPH)[0]
