"""The work of ``sinddm-rs batch``."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..batch.datasets import dataset_jobs
from ..batch.jobs import JobList, read_jobs
from ..batch.layout import FAILURES, MANIFEST
from ..batch.local import LocalEngine
from ..batch.progress import BatchProgress
from ..batch.ray_engine import RayEngine
from ..batch.run import Engine, run_batch
from ..errors import InputError
from ..guidance.guides import load_guide
from ..guidance.settings import EditSettings
from .console import say, time_left
from .edit_options import read_settings

MAX_WORKERS = 1024
SHOWN_FAILURES = 10


def batch(chosen: argparse.Namespace) -> dict[str, Any]:
    """Do what the options of ``sinddm-rs batch`` ask for; the answer is what the command prints."""
    # NumPy's threads in the workers: bytes depend on their number, and there is a worker for each core.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    begun = time.perf_counter()
    settings = _settings(chosen)
    engine = _engine(chosen)
    found = _jobs(chosen)
    if chosen.engine == "local":
        load_guide(settings.guide, settings.device)  # one sentence now, instead of one for each job
    for note in found.notes:
        say(f"sinddm-rs: {note}")
    folder = Path(chosen.output)
    done = run_batch(found.jobs, settings, folder, engine, resume=chosen.resume, tell=_say_progress)
    for job, reason in done.failed[:SHOWN_FAILURES]:
        say(f"sinddm-rs: {job.name} failed: {reason}")
    if done.failed:
        say(f"sinddm-rs: {len(done.failed)} of {len(found.jobs)} jobs failed, listed in {folder / FAILURES}")
    seconds = time.perf_counter() - begun
    return {
        "output": str(folder),
        "manifest": str(folder / MANIFEST),
        "failures": str(folder / FAILURES) if done.failed else None,
        "jobs": len(found.jobs),
        "made": done.made,
        "kept": done.kept,
        "failed": len(done.failed),
        "jobs_per_minute": round(60 * done.made / seconds, 2),
        "seconds": round(seconds, 2),
        "exit_code": int(bool(done.failed)),
    }


def _settings(chosen: argparse.Namespace) -> EditSettings:
    settings = read_settings(chosen)
    guide = Path(settings.guide)
    # Workers on other machines have another current folder.
    return replace(settings, guide=str(guide.resolve())) if guide.exists() else settings


def _engine(chosen: argparse.Namespace) -> Engine:
    if chosen.workers is not None and not 1 <= chosen.workers <= MAX_WORKERS:
        raise InputError(f"{chosen.workers} workers cannot be had; choose 1 to {MAX_WORKERS:,}.")
    if chosen.engine == "ray":
        return RayEngine(chosen.address, chosen.workers)
    if chosen.address is not None:
        raise InputError("The address of a cluster does nothing without --engine ray; add it or leave --address out.")
    return LocalEngine(chosen.workers or os.cpu_count() or 1)


def _jobs(chosen: argparse.Namespace) -> JobList:
    if (chosen.jobs is None) == (chosen.dataset is None):
        raise InputError("There must be one source of pictures; give either a list JOBS or --dataset NAME DIR.")
    if chosen.jobs is not None:
        options = {"prompt": chosen.prompt, "limit": chosen.limit, "seed": chosen.seed, "edits": chosen.edits}
        given = [f"--{name}" for name, value in options.items() if value is not None]
        if given:
            raise InputError(f"A list says itself what to edit, and {given[0]} is for --dataset; leave it out.")
        return read_jobs(Path(chosen.jobs), chosen.split)
    if chosen.prompt is None:
        raise InputError('A dataset does not say what is to happen; add --prompt, for example "A fire in the forest".')
    name, folder = chosen.dataset
    return dataset_jobs(
        name,
        Path(folder),
        chosen.prompt,
        seed=chosen.seed or 0,
        count=1 if chosen.edits is None else chosen.edits,
        limit=chosen.limit,
        split=chosen.split,
    )


def _say_progress(progress: BatchProgress) -> None:
    outcome = progress.outcome
    how = "failed" if outcome.record is None else f"{outcome.record.manifest['seconds']:.1f} s"
    failed = f", {progress.failed} failed" if progress.failed else ""
    say(f"[{progress.done}/{progress.total}] {outcome.job.name}: {how}, {time_left(progress.remaining)} left{failed}")
