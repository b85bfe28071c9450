"""The batch: every job done once, by an engine, into one folder; what is done already is not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import InputError, OutputError
from ..guidance.settings import EditSettings
from ..rasters.files import make_folder
from ..rasters.locks import alone
from . import layout
from .jobs import Job
from .layout import Record
from .progress import BatchProgress, Pace
from .run_job import Outcomes

MANIFEST_SECONDS = 1.0
MANIFEST_SHARE = 20
"""While a batch runs its manifest is renewed at most so often, and takes up at most a twentieth of the time."""


class Engine(Protocol):
    """Who does the jobs. What a worker does is ``run_job.run_job``, so that all engines make the same files."""

    def outcomes(self, jobs: Sequence[Job], settings: EditSettings, folder: Path) -> Outcomes:
        """One outcome for each job, as they end. folder: absolute. Closing the generator ends the work."""
        ...


@dataclass(frozen=True)
class Batch:
    """A finished batch. made, kept: pairs of this run and of earlier ones. failed: jobs and why."""

    made: int
    kept: int
    failed: tuple[tuple[Job, str], ...]


def run_batch(
    jobs: Sequence[Job],
    settings: EditSettings,
    folder: Path,
    engine: Engine,
    *,
    resume: bool = False,
    tell: Callable[[BatchProgress], None] | None = None,
) -> Batch:
    """Do all jobs that are not done yet, and write the manifest and the list of failures.

    settings: of every job, but the seed. resume: ``folder`` may hold pairs of other jobs, which stay, and of these jobs
    with other settings, which are made anew. A job that fails does not stop the others.
    Raises InputError for a folder with other jobs without ``resume``, OutputError where nothing can be written or
    another batch is writing.
    """
    folder = make_folder(folder.resolve())
    busy = f"Another batch is writing to {folder}; wait until it has ended, or give this one another folder."
    with alone(folder, busy):
        return _run_batch(jobs, settings, folder, engine, resume, tell)


def _run_batch(
    jobs: Sequence[Job],
    settings: EditSettings,
    folder: Path,
    engine: Engine,
    resume: bool,
    tell: Callable[[BatchProgress], None] | None,
) -> Batch:
    by_name = {job.name: job for job in jobs}
    digests = {job.name: job.digest(settings) for job in jobs}
    records = layout.read_records(folder)
    if not resume:
        _check_alone(records, digests, folder)
    layout.make_folders(folder)
    layout.sweep(folder)
    pending = [job for job in jobs if not _is_done(job, records.get(job.name), digests[job.name], folder)]
    for job in pending:
        layout.forget(folder, job.name)
        records.pop(job.name, None)
    kept = sum(name in records for name in by_name)
    manifest = _Manifest(folder, list(by_name), records)
    failed: dict[str, str] = {}
    pace = Pace(len(pending), time.perf_counter())
    try:
        # Whoever stops this, for example by Ctrl-C, ends the engine's work too.
        with closing(engine.outcomes(pending, settings, folder)) as outcomes:
            for outcome in outcomes:
                if outcome.record is None:
                    failed[outcome.job.name] = outcome.failure or ""
                else:
                    records[outcome.job.name] = outcome.record
                    manifest.renew()
                if tell is not None:
                    tell(pace.after(outcome))
    finally:
        layout.sweep(folder)
        manifest.write()
    reasons = tuple((job, failed[job.name]) for job in pending if job.name in failed)
    layout.write_failures(folder, reasons)
    return Batch(len(pending) - len(failed), kept, reasons)


def _is_done(job: Job, record: Record | None, digest: str, folder: Path) -> bool:
    return record is not None and record.is_current(job, digest, folder)


def _check_alone(records: dict[str, Record], digests: dict[str, str], folder: Path) -> None:
    others = {name for name, record in records.items() if digests.get(name) != record.digest}
    others |= layout.pair_names(folder) - set(digests)
    if others:
        raise InputError(
            f"{folder} holds {len(others):,} pairs of other jobs or settings, such as {min(others)}; give an empty "
            "folder, or --resume to go on in this one."
        )


class _Manifest:
    """manifest.jsonl of the records so far: jobs of this batch in their order, then others by name."""

    def __init__(self, folder: Path, order: Sequence[str], records: dict[str, Record]) -> None:
        self._folder, self._order, self._records = folder, order, records
        self._next = 0.0

    def renew(self) -> None:
        """Write it where it is time. A full disk is for the end to tell: a job may free some."""
        begun = time.monotonic()
        if begun >= self._next:
            with suppress(OutputError):
                self.write()
            took = time.monotonic() - begun
            self._next = begun + max(MANIFEST_SECONDS, MANIFEST_SHARE * took)

    def write(self) -> None:
        """Raises OutputError."""
        names = [*self._order, *sorted(set(self._records) - set(self._order))]
        layout.write_manifest(self._folder, (self._records[name] for name in names if name in self._records))
