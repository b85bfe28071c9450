"""Hostile input in great numbers: every reader of the package, its nodes and names, with files and texts gone wrong.

    python benchmarks/fuzz.py [--inputs 20000] [--seed 0] [--workers 1] [--kinds NAME …] [--geotiffs FOLDER]

Each input has to end in a valid result or in an error of errors.py. A fault is any other error, more than 10 s of
the processor or 60 s of the clock, more than 2 GB, and a file, process or connection that was not asked for. Inputs are
made by code from sound ones (benchmarks/fuzz_seeds.py); ``--only KIND:NUMBER`` with the same seed repeats one, with its
traceback. Exit code 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_seeds import all_seeds

SECONDS, MEGABYTES = 10.0, 2048
"""Of the processor, so that what else the machine does is no fault."""
HANGS = 60.0
"""Seconds of the clock."""
ADDRESSES = 6 * 2**30
"""Memory that a worker may map beyond what it begins with, so that this machine outlasts a fault."""
TORCH_CACHE = str(Path(tempfile.gettempdir()) / "torchinductor")
"""What torch makes when one of its modules is first imported."""
SAID = 3
SLOW = ("node", "guide", "official")
"""Kinds of which every input takes long: a fifth as many of each."""


@dataclass
class Tally:
    """What became of the inputs of a kind."""

    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    memory: float = 0.0
    faults: list[tuple[int, str]] = field(default_factory=list)


class Watch:
    """What Python's own audit events tell of files written elsewhere, of processes and of connections."""

    def __init__(self) -> None:
        self.place = ""
        self.breaches: list[str] = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.place:
            return
        if event in ("os.system", "subprocess.Popen", "os.exec", "socket.connect", "socket.getaddrinfo"):
            self.breaches.append(f"{event} {str(args)[:100]}")
        elif event == "open" and isinstance(args[0], str | bytes):
            flags = args[2] if isinstance(args[2], int) else 0
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self._check(event, args[0])
        elif event in ("os.mkdir", "os.remove", "os.rmdir"):
            self._check(event, args[0])
        elif event == "os.rename":
            self._check(event, args[1])

    def _check(self, event: str, path: Any) -> None:
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 (pathlib would be heard again)
        if not name.startswith((self.place, "/dev/null", TORCH_CACHE)):
            self.breaches.append(f"{event} {name}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", metavar="NAME", help="only these")
    parser.add_argument("--geotiffs", type=Path, metavar="FOLDER", help="real GeoTIFFs to begin from as well")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="this input alone, in this process")
    chosen = parser.parse_args()
    from fuzz_kinds import KINDS  # noqa: PLC0415 (after the help)

    if chosen.only:
        kind, number = chosen.only.split(":")
        with tempfile.TemporaryDirectory() as folder:
            KINDS[kind](_draw(chosen.seed, kind, int(number)), Path(folder), all_seeds(chosen.geotiffs))
        return 0
    kinds = chosen.kinds or list(KINDS)
    tallies = run(kinds, chosen.inputs, chosen.seed, chosen.workers, chosen.geotiffs)
    faults = report(tallies)
    print(json.dumps({"inputs": sum(sum(each.ends.values()) for each in tallies.values()), "faults": faults}))
    return 1 if faults else 0


def _draw(seed: int, kind: str, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, int.from_bytes(kind.encode(), "big"), number])


def run(kinds: Sequence[str], inputs: int, seed: int, workers: int, geotiffs: Path | None) -> dict[str, Tally]:
    """Give the workers one input after the other, and replace those that hang or die."""
    weights = {kind: 0.2 if kind in SLOW else 1.0 for kind in kinds}
    share = inputs / sum(weights.values())
    tasks = [(kind, i) for kind in kinds for i in range(round(share * weights[kind]))]
    tasks = [tasks[i] for i in np.random.default_rng(seed).permutation(len(tasks))]
    tallies = {kind: Tally() for kind in kinds}
    context = multiprocessing.get_context("fork")
    busy: dict[Connection, tuple[Any, tuple[str, int], float]] = {}
    idle = [_started(context, seed, geotiffs) for _ in range(workers)]
    while tasks or busy:
        while idle and tasks:
            pipe, process = idle.pop()
            task = tasks.pop()
            pipe.send(task)
            busy[pipe] = (process, task, time.monotonic())
        ready = wait(list(busy), timeout=0.5)
        for pipe in list(busy):
            process, task, begun = busy[pipe]
            tally = tallies[task[0]]
            if pipe in ready:
                try:
                    end, said, seconds, memory = pipe.recv()
                except EOFError:
                    end, said, seconds, memory = "fault", f"the process died ({process.exitcode})", 0.0, 0.0
            elif time.monotonic() - begun > HANGS:
                end, said, seconds, memory = "fault", "it hangs", HANGS, 0.0
            else:
                continue
            del busy[pipe]
            tally.ends[end] += 1
            tally.slowest, tally.memory = max(tally.slowest, seconds), max(tally.memory, memory)
            if end == "fault":
                tally.faults.append((task[1], said))
            if seconds == 0.0 or said == "it hangs":
                process.kill()
                process.join()
                idle.append(_started(context, seed, geotiffs))
            else:
                idle.append((pipe, process))
    for pipe, process in idle:
        pipe.close()
        process.join(5)
    return tallies


def _started(context: Any, seed: int, geotiffs: Path | None) -> tuple[Connection, Any]:
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, here, seed, geotiffs), daemon=True)
    process.start()
    there.close()
    here.recv()  # it has begun: what that takes is no fault of an input
    return here, process


def _work(pipe: Connection, parents: Connection, seed: int, geotiffs: Path | None) -> None:
    parents.close()
    from comfyui_sinddm_rs.errors import SinDDMError  # noqa: PLC0415 (as the next)
    from fuzz_kinds import KINDS  # noqa: PLC0415 (in the worker: no thread of a library is forked)

    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (libraries' warnings; until the process ends)
    seeds, watch = all_seeds(geotiffs), Watch()
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESSES,) * 2)
    root = Path(tempfile.mkdtemp(prefix="sinddm-rs-fuzz-"))
    os.chdir(root)
    pipe.send("begun")
    while True:
        try:
            kind, number = pipe.recv()
        except EOFError:
            break
        folder = root / "in"
        folder.mkdir()
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory is counted anew
        draw, begun = _draw(seed, kind, number), time.process_time()
        watch.breaches, watch.place = [], str(folder)
        end, said = "valid", ""
        try:
            KINDS[kind](draw, folder, seeds)
        except SinDDMError as error:
            end = "ours"
            if not str(error).isprintable() or len(str(error)) > 5000:
                end, said = "fault", f"no sentence: {str(error)[:200]!r}"
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            end, said = "fault", f"{type(error).__name__}: {str(error)[:150]} ({place.filename}:{place.lineno})"
        watch.place = ""
        seconds, memory = time.process_time() - begun, _peak()
        if watch.breaches:
            end, said = "fault", watch.breaches[0]
        elif seconds > SECONDS or memory > MEGABYTES:
            end, said = "fault", f"{seconds:.1f} s, {memory:.0f} MB"
        if [path for path in root.iterdir() if path != folder]:
            end, said = "fault", f"written beside: {next(path for path in root.iterdir() if path != folder).name!r}"
        shutil.rmtree(root)
        root.mkdir()
        os.chdir(root)
        pipe.send((end, said, seconds, memory))
    shutil.rmtree(root, ignore_errors=True)


def _peak() -> float:
    """Megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def report(tallies: dict[str, Tally]) -> int:
    """A line for each kind, then the faults, alike ones together; how many there are."""
    print(f"{'kind':<10}{'inputs':>8}{'ours':>8}{'valid':>8}{'faults':>8}{'slowest s':>11}{'memory MB':>11}")
    for kind, tally in tallies.items():
        ends = tally.ends
        numbers = f"{sum(ends.values()):>8}{ends['ours']:>8}{ends['valid']:>8}{ends['fault']:>8}"
        print(f"{kind:<10}{numbers}{tally.slowest:>11.2f}{tally.memory:>11.0f}")
    for kind, tally in tallies.items():
        for said, count in Counter(said for _, said in tally.faults).most_common():
            numbers = [number for number, each in tally.faults if each == said][:SAID]
            print(f"{kind}:{','.join(map(str, numbers))} ({count}×) {said}")
    return sum(len(tally.faults) for tally in tallies.values())


if __name__ == "__main__":
    sys.exit(main())
