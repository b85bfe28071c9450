"""What a real ComfyUI costs: start to first picture, the node beside its plain function, memory over many prompts.

    python benchmarks/comfyui.py start | overhead [--runs 12] | memory [--prompts 200] [--size 96]

Needs psutil. ComfyUI is fetched once, as for the tests in tests/comfyui; COMFYUI_DIR runs an installed one. The last
line of standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "comfyui"))
from comfyui_server import ComfyUI, comfyui_to_run, running  # noqa: E402 (found only now)

SCENE, TEXT = "forest", "A fire in the forest"
TEXTS = (TEXT, "A flood", "Snow", "covered with purple flowers")
REPEATED = 3
"""Seeds go round, so that most prompts of the memory run are repeats whose bytes must be those of the first time."""


@contextmanager
def server() -> Iterator[ComfyUI]:
    with tempfile.TemporaryDirectory() as base, running(*comfyui_to_run(), Path(base)) as started:
        yield started


def edit_graph(text: str, seed: int, size: int | None = None) -> dict[str, Any]:
    """Scene → edit → its score shown and its picture kept for a moment; cut to size × size where given."""
    crop = {"image": ["scene", 0], "width": size or 256, "height": size or 256, "x": 40, "y": 40}
    cut = {} if size is None else {"cut": {"class_type": "ImageCrop", "inputs": crop}}
    source = ["scene", 0] if size is None else ["cut", 0]
    inputs = {"image": source, "text": text, "seed": seed, "strength": 1.0, "candidates": 1}
    return {
        "scene": {"class_type": "SinDDMScene", "inputs": {"scene": SCENE}},
        **cut,
        "edit": {"class_type": "SinDDMEdit", "inputs": inputs},
        "show": {"class_type": "PreviewImage", "inputs": {"images": ["edit", 0]}},
    }


def start(_: argparse.Namespace) -> dict[str, Any]:
    """A fresh process until the picture of the example graph ``full_image_edit`` is there."""
    graph = json.loads((ROOT / "workflows" / "api" / "full_image_edit.json").read_text(encoding="utf-8"))
    begun = time.monotonic()
    with server() as comfyui:
        comfyui.pictures(graph)
        return {
            "seconds_to_first_picture": round(time.monotonic() - begun, 1),
            "of_which_start": round(comfyui.seconds_to_start, 1),
        }


def overhead(chosen: argparse.Namespace) -> dict[str, Any]:
    """The node in ComfyUI and the plain function here, in turn; the median of the ratios of each pair."""
    source = read_raster(scene_path(SCENE)).pixels
    nodes, plain = [], []
    with server() as comfyui:
        for seed in range(chosen.runs + 1):  # the first loads the guide, on both sides
            entry = comfyui.run(edit_graph(TEXT, seed))
            begun = time.perf_counter()
            edit_image(source, TEXT, settings=EditSettings(seed=seed))
            if seed:
                plain.append(time.perf_counter() - begun)
                nodes.append(seconds_of(entry))
    ratios = [node / function for node, function in zip(nodes, plain, strict=True)]
    return {
        "node_seconds": round(statistics.median(nodes), 3),
        "function_seconds": round(statistics.median(plain), 3),
        "ratio": round(statistics.median(ratios), 4),
        "ratio_quartiles": [round(each, 4) for each in statistics.quantiles(ratios, n=4)[::2]],
    }


def seconds_of(entry: dict[str, Any]) -> float:
    """How long ComfyUI worked on a prompt, by its own clock."""
    at = {kind: told["timestamp"] for kind, told in entry["status"]["messages"]}
    return float(at["execution_success"] - at["execution_start"]) / 1000.0


def memory(chosen: argparse.Namespace) -> dict[str, Any]:
    """Many prompts in a row: the server's memory, its threads and files, and whether a repeat gives the same bytes."""
    seen: dict[tuple[str, int], str] = {}
    resident: list[float] = []
    differing = 0
    with server() as comfyui:
        process = psutil.Process(comfyui.pid)
        for i in range(chosen.prompts):
            key = (TEXTS[i % len(TEXTS)], i // len(TEXTS) % REPEATED)
            # ComfyUI keeps the outputs of the last prompt alone, so a repeat is computed again.
            (picture,) = comfyui.pictures(edit_graph(*key, chosen.size))
            digest = hashlib.sha256(picture.tobytes()).hexdigest()
            differing += seen.setdefault(key, digest) != digest
            resident.append(process.memory_info().rss / 2**20)
            if i == 0:
                begun = (process.num_threads(), process.num_fds())
            if i % 10 == 9:
                print(f"{i + 1} prompts: {resident[-1]:.0f} MB", file=sys.stderr, flush=True)
        ended = (process.num_threads(), process.num_fds())
    late = resident[len(resident) // 4 :]  # by then every text's prompts and every cache are there
    slope = float(np.polyfit(np.arange(len(late)), late, 1)[0])
    return {
        "prompts": len(resident),
        "different_bytes": differing,
        "repeats": len(resident) - len(seen),
        "mb_first": round(resident[0]),
        "mb_after_50": round(resident[min(49, len(resident) - 1)]),
        "mb_last": round(resident[-1]),
        "mb_most": round(max(resident)),
        "mb_a_prompt": round(slope, 3),
        "threads": [begun[0], ended[0]],
        "open_files": [begun[1], ended[1]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for measure in (start, overhead, memory):
        command = commands.add_parser(measure.__name__, help=measure.__doc__)
        command.set_defaults(measure=measure)
        if measure is overhead:
            command.add_argument("--runs", type=int, default=12)
        if measure is memory:
            command.add_argument("--prompts", type=int, default=200)
            command.add_argument("--size", type=int, default=96, help="side of the edited picture in pixels")
    chosen = parser.parse_args()
    print(json.dumps(chosen.measure(chosen)))


if __name__ == "__main__":
    main()
