"""Processes: the same bytes as without them, and what a killed one costs."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from comfyui_sinddm_rs.batch import local
from comfyui_sinddm_rs.batch.jobs import Job, job_name
from comfyui_sinddm_rs.batch.local import LocalEngine
from comfyui_sinddm_rs.batch.progress import BatchProgress
from comfyui_sinddm_rs.batch.run import run_batch
from comfyui_sinddm_rs.batch.run_job import Outcome
from comfyui_sinddm_rs.guidance.settings import EditSettings

SETTINGS = EditSettings()
Pictures = Callable[[Path], dict[str, bytes]]


def with_seeds(job: Job, *seeds: int) -> list[Job]:
    return [replace(job, name=job_name("train", 1, job.image, seed), seed=seed) for seed in seeds]


def test_two_processes_make_what_one_does(job: Job, here: Any, tmp_path: Path, pictures: Pictures) -> None:
    jobs = with_seeds(job, 0, 1, 2)
    run_batch(jobs, SETTINGS, tmp_path / "alone", here)
    told: list[BatchProgress] = []
    done = run_batch(jobs, SETTINGS, tmp_path / "two", LocalEngine(2), tell=told.append)
    assert done.made == 3 and [each.done for each in told] == [1, 2, 3] and told[-1].remaining == 0
    assert pictures(tmp_path / "alone") == pictures(tmp_path / "two")
    texts = [(tmp_path / name / "manifest.jsonl").read_text().splitlines() for name in ("alone", "two")]
    alone, two = ([json.loads(line) | {"seconds": 0} for line in text] for text in texts)
    assert alone == two


def test_a_killed_process_loses_its_own_job_alone(job: Job, here: Any, tmp_path: Path, pictures: Pictures) -> None:
    jobs = with_seeds(job, 0, 1, 2, 3)
    run_batch(jobs, SETTINGS, tmp_path / "alone", here)
    killed = []

    def kill(progress: BatchProgress) -> None:
        if progress.done == 1:
            (tmp_path / "out" / "A" / ".sinddm-rs-half.tmp").write_bytes(b"half")
            killed.append(multiprocessing.active_children()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    done = run_batch(jobs, SETTINGS, tmp_path / "out", LocalEngine(2), tell=kill)
    assert len(killed) == 1 and done.made == 4 and done.failed == ()
    assert pictures(tmp_path / "out") == pictures(tmp_path / "alone")
    assert not [path for path in (tmp_path / "out").rglob(".sinddm-rs-*")]


def test_a_job_whose_process_ends_twice_has_failed(job: Job, tmp_path: Path) -> None:
    jobs = with_seeds(job, 0, 1)
    killed: set[int] = set()

    def kill_the_first_two() -> None:
        end = time.monotonic() + 60
        while len(killed) < 2 and time.monotonic() < end:
            for child in multiprocessing.active_children():
                if child.pid is not None and child.pid not in killed:
                    killed.add(child.pid)
                    child.kill()
            time.sleep(0.05)

    killer = threading.Thread(target=kill_the_first_two)
    killer.start()
    done = run_batch(jobs, SETTINGS, tmp_path / "out", LocalEngine(1))
    killer.join()
    assert [(each.seed, reason) for each, reason in done.failed] == [(0, local.LOST)] and done.made == 1
    assert [path.stem for path in (tmp_path / "out" / "A").iterdir()] == [jobs[1].name]


def test_a_process_killed_while_idle_costs_nothing(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def submit(self, *_: object) -> Future[Outcome]:
            raise local.BrokenProcessPool

        def shutdown(self, **_: object) -> None:
            return None

    pools = [Broken()]
    whole = local._pool
    monkeypatch.setattr(local, "_pool", lambda: pools.pop() if pools else whole())
    assert run_batch([job], SETTINGS, tmp_path / "out", LocalEngine(1)).made == 1
