"""The engine of one machine: processes, each with a job at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ..guidance.settings import EditSettings
from .jobs import Job
from .run_job import Outcome, Outcomes, run_on_one_thread

LOST = (
    "The process that edited it ended twice without an answer, as when memory runs out; use fewer --workers or a "
    "smaller picture."
)


class LocalEngine:
    """``run.Engine`` of ``workers`` processes.

    Each has a pool of its own, so that one that is killed loses its own job alone. That job is done once more, in a new
    process; then it counts as failed.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def outcomes(self, jobs: Sequence[Job], settings: EditSettings, folder: Path) -> Outcomes:
        waiting, lost = deque(jobs), set[str]()
        idle = [_pool() for _ in range(min(self.workers, len(jobs)))]
        running: dict[Future[Outcome], tuple[ProcessPoolExecutor, Job]] = {}
        try:
            while waiting or running:
                while waiting and idle:
                    pool, job = idle.pop(), waiting.popleft()
                    try:
                        running[pool.submit(run_on_one_thread, job, settings, folder)] = pool, job
                    except BrokenProcessPool:  # killed while it had nothing to do
                        waiting.appendleft(job)
                        idle.append(_renewed(pool))
                ended: list[Outcome] = []
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    pool, job = running.pop(future)
                    try:
                        ended.append(future.result())
                        idle.append(pool)
                    except BrokenProcessPool:
                        idle.append(_renewed(pool))
                        if job.name in lost:
                            ended.append(Outcome(job, failure=LOST))
                        else:
                            lost.add(job.name)
                            waiting.appendleft(job)
                yield from ended
        finally:
            for pool in (*idle, *(pool for pool, _ in running.values())):
                pool.shutdown(wait=True, cancel_futures=True)


def _pool() -> ProcessPoolExecutor:
    # A forked process could inherit locks that torch's threads hold.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin_worker)


def _renewed(broken: ProcessPoolExecutor) -> ProcessPoolExecutor:
    broken.shutdown(wait=False)
    return _pool()


def _begin_worker() -> None:
    """Ctrl-C is for the command, which lets edits end that have begun; without the command there is no work left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
