"""Hostile graphs in great numbers, through the API of a real ComfyUI.

    python benchmarks/fuzz_graphs.py [--graphs 2000] [--seed 0]

The inputs of a small valid graph of every node, and of every example graph, are changed in one to four places: values,
links, inputs taken away, doubled or nested, now and then another kind of node. Each has to be refused, to give a
result, or to end in an error of errors.py where the node is one of this pack. A fault is any other error of ours, a
graph that cannot be cancelled, more than 2 GB over what the started server takes, a worker of ComfyUI that dies in code
of this pack, and a file outside its folders. Needs psutil and the extras [test] and [raster]. Exit code 1 for a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fuzz_mutations as m
import numpy as np
import psutil

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "comfyui"))
import bad_graphs
from comfyui_server import PACK, ComfyUI, comfyui_to_run, running
from soak import OURS, UNREACHABLE
from soak_graphs import KEPT, kept_model

Graph = dict[str, Any]
CANCELLED_AFTER, HANGS, MEGABYTES = 8.0, 30.0, 2048.0
"""Seconds of work that a graph may ask for before it is cancelled, and to be cancelled in; memory."""
LITTLE = {"iterations": 2, "candidates": 1, "batch_size": 1}
EXAMPLE_SIDE = 48
PACK_NAME = "ComfyUI-SinDDM-RS"
WORKER_DIED = "worker of ComfyUI died by its own fault"
WRITES = ("output", "temp", "input", "models", "user", "comfyui.log", "custom_nodes")


@dataclass
class Tally:
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory: float = 0.0
    slowest: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        tally = fuzz(Path(place), chosen.graphs, chosen.seed)
    for end, count in tally.ends.most_common():
        print(f"{count:>7} {end}")
    print(f"{len(tally.faults):>7} faults; slowest {tally.slowest:.1f} s; {tally.memory:.0f} MB beyond the start")
    for fault in tally.faults:
        print(fault)
    return int(bool(tally.faults))


def fuzz(place: Path, graphs: int, seed: int) -> Tally:
    temp, tally, number = place / "temp", Tally(), 0
    temp.mkdir()
    os.environ |= {"TMPDIR": str(temp), "OPENAI_BASE_URL": UNREACHABLE, "OPENAI_API_KEY": "none"}
    while number < graphs:
        base = place / f"comfyui{number}"
        base.mkdir()
        with running(*comfyui_to_run(), base) as comfyui:
            number = _fuzz_one_server(comfyui, tally, range(number, graphs), seed)
        tally.faults += [f"written elsewhere: {path}" for path in base.iterdir() if path.name not in WRITES]
    tally.faults += [
        f"written elsewhere: {path}" for path in place.iterdir() if not path.name.startswith(("comfyui", "temp"))
    ]
    return tally


def _fuzz_one_server(comfyui: ComfyUI, tally: Tally, numbers: range, seed: int) -> int:
    """As many graphs as the server survives; the number of the next one."""
    comfyui.pictures(kept_model())
    models = comfyui.log.parent / "models" / "sinddm"
    (models / f"{KEPT}.safetensors").rename(models / bad_graphs.FILE)
    bad_graphs.keep_raster(comfyui)
    sources, process = list(seeds()), psutil.Process(comfyui.pid)
    begun = process.memory_info().rss
    for number in numbers:
        draw, started = np.random.default_rng([seed, number]), time.monotonic()
        end = outcome(comfyui, mutated_graph(draw, sources))
        tally.slowest = max(tally.slowest, time.monotonic() - started)
        memory = (process.memory_info().rss - begun) / 2**20
        tally.memory = max(tally.memory, memory)
        if memory > MEGABYTES:
            end = f"fault: {memory:.0f} MB"
        tally.ends[end.partition(":")[0]] += 1
        if end.startswith("fault"):
            tally.faults.append(f"{number} {end}")
        if number % 100 == 99:
            print(f"{number + 1} graphs: {dict(tally.ends)}", file=sys.stderr, flush=True)
        if end == WORKER_DIED:
            return number + 1
    return numbers.stop


def mutated_graph(draw: np.random.Generator, sources: list[Graph]) -> Graph:
    """One of the graphs with other inputs, and now and then with another kind of node."""
    source = sources[draw.integers(len(sources))]
    inputs = m.mutated_json(draw, {name: node["inputs"] for name, node in source.items()})
    inputs = inputs if isinstance(inputs, dict) else {}
    kept = {name: node for name, node in source.items() if isinstance(inputs.get(name), dict)}
    graph = {name: {**node, "inputs": inputs[name]} for name, node in kept.items()}
    if graph and draw.random() < 0.1:
        kinds = sorted({node["class_type"] for each in sources for node in each.values()})
        graph[list(graph)[draw.integers(len(graph))]]["class_type"] = kinds[draw.integers(len(kinds))]
    return graph


def seeds() -> Iterator[Graph]:
    """Valid graphs: of each node, and the examples, cut small."""
    for kind in bad_graphs.REQUIRED:
        yield bad_graphs.graph(kind)
    for path in sorted((PACK / "workflows" / "api").glob("*.json")):
        yield bad_graphs.small(json.loads(path.read_text(encoding="utf-8")), EXAMPLE_SIDE, LITTLE)


def outcome(comfyui: ComfyUI, graph: Graph) -> str:
    """How ComfyUI ended a graph, in words; those of a fault begin with the word fault."""
    logged = comfyui.log.stat().st_size
    try:
        answer = json.loads(comfyui._open("/prompt", json.dumps({"prompt": graph}).encode()))
    except urllib.error.HTTPError as refusal:
        if refusal.code == 400:
            return "refused"
        ours = PACK_NAME in written_since(comfyui, logged)
        return f"fault: HTTP {refusal.code}" if ours else f"HTTP {refusal.code} of ComfyUI's own"
    entry = ended(comfyui, answer["prompt_id"])
    if entry is None:
        log = written_since(comfyui, logged)
        died = "(prompt_worker)" in log and PACK_NAME not in log
        return WORKER_DIED if died else f"fault: it cannot be cancelled: {json.dumps(graph)[:1500]}"
    told = dict(entry["status"]["messages"])
    if "execution_interrupted" in told:
        return "cancelled, for it asked for much"
    if "execution_error" not in told:
        return "result"
    error = told["execution_error"]
    if not str(error["node_type"]).startswith("SinDDM"):
        return "error in a node of ComfyUI"
    if error["exception_type"].endswith(OURS):
        return "error of errors.py"
    if any(PACK_NAME in line for line in error["traceback"]):
        return f"fault: {error['node_type']}: {error['exception_type']}: {error['exception_message'][:300]}"
    return "error before a node of ours was called"


def ended(comfyui: ComfyUI, prompt: str) -> dict[str, Any] | None:
    """The history entry, after a cancel where the graph works for long; None where that does not end it."""
    started, entry = time.monotonic(), comfyui.ended(prompt)
    while entry is None and time.monotonic() - started < CANCELLED_AFTER + HANGS:
        time.sleep(0.02)
        if time.monotonic() - started > CANCELLED_AFTER:
            comfyui.interrupt()
            time.sleep(0.5)
        entry = comfyui.ended(prompt)
    return entry


def written_since(comfyui: ComfyUI, logged: int) -> str:
    """What the server wrote since its log had ``logged`` bytes."""
    with comfyui.log.open("rb") as file:
        file.seek(logged)
        return file.read().decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
