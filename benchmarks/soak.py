"""A real ComfyUI over many mixed prompts: does anything grow, is anything left behind, do the bytes stay the same?

    python benchmarks/soak.py [--prompts 1000] [--samples FILE.jsonl] [--clear-history]

Edits, variations, new scenes, scores, prompts, trainings and rasters of 64 to 96 px, with values that fail in a node
and runs that are cancelled among them (benchmarks/soak_graphs.py). Needs psutil and the extras [test] and [raster];
ComfyUI is fetched once, as for the tests in tests/comfyui. Exit code 1 where a prompt ended otherwise than it had to,
or gave other bytes. The last line of standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy.stats import t as student
from soak_graphs import ROUND, Prompt, kept_model, repeated_prompts, soak_prompt

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "comfyui"))
from bad_graphs import keep_raster
from comfyui_server import ComfyUI, comfyui_to_run, running

UNREACHABLE = "http://127.0.0.1:9/v1"
OURS = ("InputError", "ServiceError")
LIMIT = 120.0
WARM_UP = 0.2
"""Share of the prompts by which every cache is filled; what grows is judged after it."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Sample:
    """The server after one prompt: memory in MB, CPU seconds that the prompt took, what is open and what lies there.

    anonymous: memory of no file. Libraries are shared with other processes, and so count in ``rss`` alone.
    """

    rss: float
    anonymous: float
    cpu: float
    threads: int
    descriptors: int
    children: int
    temp_files: int
    other_files: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--samples", type=Path, metavar="FILE", help="keep a line of JSON for each prompt here")
    parser.add_argument(
        "--clear-history", action="store_true", help="after each round of prompts: then ComfyUI keeps none of them"
    )
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends too
    with tempfile.TemporaryDirectory() as place:
        answer = soak(Path(place), chosen.prompts, chosen.samples, chosen.clear_history)
    print_table(answer)
    print(json.dumps(answer))
    return int(bool(answer["wrong_ends"] or answer["different_bytes"]))


def soak(place: Path, prompts: int, kept: Path | None, clear_history: bool) -> dict[str, Any]:
    base, temp = place / "comfyui", place / "temp"
    base.mkdir()
    temp.mkdir()
    os.environ |= {"TMPDIR": str(temp), "OPENAI_BASE_URL": UNREACHABLE, "OPENAI_API_KEY": "none"}
    begun, samples, wrong, ended = time.monotonic(), list[Sample](), list[str](), Counter[str]()
    with running(*comfyui_to_run(), base) as comfyui:
        process = psutil.Process(comfyui.pid)
        comfyui.pictures(kept_model())
        keep_raster(comfyui)
        hashes = [repeated_hashes(comfyui)]
        for number in range(prompts):
            prompt, started, before = soak_prompt(number), time.monotonic(), cpu_seconds(process)
            outcome = run(comfyui, prompt)
            ended[outcome] += 1
            if outcome != prompt.outcome:
                wrong.append(f"{number} {prompt.name}: {outcome}")
            samples.append(measure(process, base, temp, before))
            line = {"number": number, "name": prompt.name, "outcome": outcome, "seconds": time.monotonic() - started}
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**line, **asdict(samples[-1])}) + "\n")
            if number % len(ROUND) == len(ROUND) - 1:
                print(f"{number + 1} prompts: {samples[-1]}", file=sys.stderr, flush=True)
                if clear_history:
                    comfyui.clear_history()
            if number + 1 in (prompts // 2, prompts):
                hashes.append(repeated_hashes(comfyui))
        left = sorted(str(file.relative_to(place)) for file in (*files(temp), *others(base)))
    differing = sum(len(set(each)) > 1 for each in zip(*hashes, strict=True))
    return {
        "prompts": prompts,
        "ended": dict(ended),
        "wrong_ends": wrong,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "repeated_prompts": len(hashes[0]),
        "times_repeated": len(hashes),
        "different_bytes": differing,
        "after_warm_up": {field.name: growth(samples, field.name) for field in fields(Sample)},
        "left_files": left,
    }


def run(comfyui: ComfyUI, prompt: Prompt) -> str:
    """How a prompt ended: success, interrupted, error, or another error than one of ours in its words."""
    if prompt.outcome != "interrupted":
        status = comfyui.run(prompt.graph)["status"]
    else:
        name, limit = comfyui.post(prompt.graph), time.monotonic() + LIMIT
        while (entry := comfyui.ended(name)) is None:
            if time.monotonic() > limit:
                return f"not cancelled within {LIMIT:.0f} s"
            time.sleep(1.0)  # so that the run is in the midst of its work
            comfyui.interrupt()
        status = entry["status"]
    told = {kind: details for kind, details in status["messages"]}
    if "execution_interrupted" in told:
        return "interrupted"
    if "execution_error" in told:
        error = told["execution_error"]
        known = error["exception_type"].endswith(OURS)
        return "error" if known else f"{error['exception_type']}: {error['exception_message']}"
    return str(status["status_str"])


def repeated_hashes(comfyui: ComfyUI) -> list[str]:
    """The hash of the pictures of each repeated prompt."""
    hashes = []
    for prompt in repeated_prompts():
        pictures = comfyui.pictures(prompt.graph)
        assert pictures, prompt.name
        hashes.append(hashlib.sha256(b"".join(picture.tobytes() for picture in pictures)).hexdigest())
    return hashes


def cpu_seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def measure(process: psutil.Process, base: Path, temp: Path, before: float) -> Sample:
    memory = process.memory_info()
    return Sample(
        rss=memory.rss / 2**20,
        anonymous=(memory.rss - memory.shared) / 2**20,
        cpu=cpu_seconds(process) - before,
        threads=process.num_threads(),
        descriptors=process.num_fds(),
        children=len(process.children(recursive=True)),
        temp_files=len(files(temp)),
        other_files=len(others(base)),
    )


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def others(base: Path) -> list[Path]:
    """Files below ComfyUI's folder besides the pictures that it shows, which it keeps until its next start."""
    pack = base / "custom_nodes"
    return [path for path in files(base) if base / "temp" not in path.parents and pack not in path.parents]


def growth(samples: Sequence[Sample], name: str) -> dict[str, float]:
    """A measure after the warm-up: first and last round, and its slope for 100 prompts with a confidence interval.

    Rounds are compared, since the prompts of one differ in what they need. Neighbouring rounds are alike: the interval
    is widened for their correlation, as if there were fewer of them.
    """
    values = np.array([getattr(sample, name) for sample in samples], dtype=float)
    rounds = values[: len(values) // len(ROUND) * len(ROUND)].reshape(-1, len(ROUND)).mean(axis=1)
    rounds = rounds[int(WARM_UP * len(rounds)) :]
    count = len(rounds)
    if count < 4:
        return {"first": float(rounds[0]), "last": float(rounds[-1]), "most": float(values.max())}
    at = np.arange(count, dtype=float)
    slope, start = np.polyfit(at, rounds, 1)
    rest = rounds - (slope * at + start)
    total = float(rest @ rest)
    alike = max(0.0, float(rest[1:] @ rest[:-1]) / total) if total > 1e-12 else 0.0
    error = np.sqrt(total / (count - 2) / ((at - at.mean()) ** 2).sum() * (1 + alike) / (1 - alike))
    free = max(1.0, count * (1 - alike) / (1 + alike) - 2)
    scale = 100 / len(ROUND)
    half = float(student.ppf((1 + CONFIDENCE) / 2, free) * error) * scale
    return {
        "first": round(float(rounds[0]), 2),
        "last": round(float(rounds[-1]), 2),
        "most": round(float(values.max()), 2),
        "slope_a_hundred": round(float(slope) * scale, 3),
        "from": round(float(slope) * scale - half, 3),
        "to": round(float(slope) * scale + half, 3),
    }


def print_table(answer: dict[str, Any]) -> None:
    print(f"{'':12}{'first':>10}{'last':>10}{'most':>10}{'per 100 prompts (95 %)':>30}")
    for name, each in answer["after_warm_up"].items():
        slope = "{slope_a_hundred:+.2f} ({from:+.2f} … {to:+.2f})".format(**each) if "from" in each else ""
        print(f"{name:12}{each['first']:10.1f}{each['last']:10.1f}{each['most']:10.1f}{slope:>30}")


if __name__ == "__main__":
    sys.exit(main())
