"""The engine of many machines: a Ray cluster, by its address or made on this machine.

All machines must see the pictures and the output folder under the same paths, and have this package.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingPackageError
from ..guidance.settings import EditSettings
from .jobs import Job
from .run_job import Outcome, Outcomes, run_on_one_thread

RETRIES = 3
"""So often a job is begun again whose worker or machine was lost. What fails in the job itself is not tried again."""
AHEAD = 2
"""Jobs in the cluster's queue for each of its processors, so that none waits for this machine."""
LOOK_SECONDS = 10.0
"""How often machines that come and go are counted."""
CONNECT_SECONDS = 5.0


class RayEngine:
    """``run.Engine`` of a Ray cluster.

    address: "host:port", "auto" or "ray://…" of a cluster that is there; None makes one here, or uses the one that this
    process is connected to. workers: most jobs at a time; None = as many as there are processors.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self.address, self.workers = address, workers
        self._ray = _ray()

    def outcomes(self, jobs: Sequence[Job], settings: EditSettings, folder: Path) -> Outcomes:
        with self._connected():
            yield from self._outcomes(jobs, settings, folder)

    def _outcomes(self, jobs: Sequence[Job], settings: EditSettings, folder: Path) -> Outcomes:
        ray, waiting = self._ray, deque(jobs)
        needs = {"num_gpus": 1} if settings.device.startswith("cuda") else {}
        task = ray.remote(max_retries=RETRIES, retry_exceptions=False, num_cpus=1, **needs)(run_on_shared_folder)
        running: dict[Any, Job] = {}
        most, looked = self._most(), time.monotonic()
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    job = waiting.popleft()
                    running[task.remote(job, settings, folder)] = job
                ended, _ = ray.wait(list(running), timeout=LOOK_SECONDS)
                if time.monotonic() - looked > LOOK_SECONDS:
                    most, looked = self._most(), time.monotonic()
                for reference in ended:
                    yield self._outcome(reference, running.pop(reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _outcome(self, reference: Any, job: Job) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
            return outcome
        except Exception as error:  # Ray's own, or what a machine without the package raises
            told = next((line for line in reversed(str(error).splitlines()) if line.strip()), "").strip()[:200]
            reason = f"Its worker was lost {RETRIES + 1} times or could not begin: {type(error).__name__} ({told}); "
            return Outcome(job, failure=f"{reason}check the machines' memory and that this package is on them.")

    def _most(self) -> int:
        if self.workers is not None:
            return self.workers
        return max(1, int(AHEAD * self._ray.cluster_resources().get("CPU", 1)))

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Connected to the cluster; what was connected before stays so."""
        ray = self._ray
        if ray.is_initialized():
            yield
            return
        quiet = {"log_to_driver": False, "logging_level": "error"}
        try:
            if self.address is None:
                ray.init(address="local", num_cpus=self.workers, include_dashboard=False, **quiet)
            else:
                _check_reachable(self.address)
                ray.init(address=self.address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise InputError(
                f"There is no Ray cluster at '{self.address or 'this machine'}' ({_short(error)}); begin one with "
                "`ray start --head`, or leave --address out."
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def run_on_shared_folder(job: Job, settings: EditSettings, folder: Path) -> Outcome:
    """``run_on_one_thread`` on a machine that may not see the folder."""
    if not folder.is_dir():
        where = f"The machine {socket.gethostname()} does not see the folder {folder}"
        return Outcome(job, failure=f"{where}; put it where all machines of the cluster have it under this path.")
    return run_on_one_thread(job, settings, folder)


def _check_reachable(address: str) -> None:
    """Ray ends the whole process where nobody answers at an address."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()


def _short(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".").replace("; ", ", ")[:120]


def _ray() -> Any:
    try:
        return import_module("ray")
    except ImportError as error:
        raise MissingPackageError('This needs the package ray: pip install "comfyui-sinddm-rs[ray]".') from error
