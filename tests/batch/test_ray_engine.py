"""A real Ray cluster of two nodes, and the loss of workers and of one of the nodes."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from comfyui_sinddm_rs.batch import ray_engine
from comfyui_sinddm_rs.batch.jobs import Job, job_name
from comfyui_sinddm_rs.batch.progress import BatchProgress
from comfyui_sinddm_rs.batch.ray_engine import RayEngine, run_on_shared_folder
from comfyui_sinddm_rs.batch.run import run_batch
from comfyui_sinddm_rs.errors import InputError, MissingPackageError
from comfyui_sinddm_rs.guidance.settings import EditSettings

SETTINGS = EditSettings()
Pictures = Callable[[Path], dict[str, bytes]]
JOBS = 8


def with_seeds(job: Job, count: int) -> list[Job]:
    return [replace(job, name=job_name("train", 1, job.image, seed), seed=seed) for seed in range(count)]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes of this machine, with a worker each."""
    pytest.importorskip("ray", reason="Ray is not installed: the extra [ray]")
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def raylets(cluster: Any) -> set[int]:
    """Process ids of the nodes, which the workers are children of."""
    return {node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()}


def working(cluster: Any) -> list[int]:
    """Process ids of the cluster's workers that do a job now; Ray gives them the name of what they do."""
    found, parents = [], raylets(cluster)
    for place in Path("/proc").glob("[0-9]*"):
        try:
            title = (place / "cmdline").read_bytes()
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent in parents and title.startswith(b"ray::run_on_shared_folder"):
            found.append(int(place.name))
    return found


def kill_one(cluster: Any) -> int:
    """Kill a worker that does a job, as soon as there is one."""
    end = time.monotonic() + 20
    while not (found := working(cluster)):
        assert time.monotonic() < end, "no worker has begun a job"
        time.sleep(0.02)
    os.kill(found[0], signal.SIGKILL)
    return found[0]


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers by /proc")
def test_a_worker_and_a_node_are_lost_in_the_middle(
    job: Job, here: Any, cluster: Any, tmp_path: Path, pictures: Pictures
) -> None:
    jobs = with_seeds(job, JOBS)
    run_batch(jobs, SETTINGS, tmp_path / "alone", here)
    second = next(node for node in cluster.list_all_nodes() if not node.head)
    killed: list[int] = []

    def harm(progress: BatchProgress) -> None:
        if progress.done == 2:
            killed.append(kill_one(cluster))
        if progress.done == 4:
            cluster.remove_node(second, allow_graceful=False)

    done = run_batch(jobs, SETTINGS, tmp_path / "ray", RayEngine(cluster.address), tell=harm)
    assert len(killed) == 1 and len(cluster.list_all_nodes()) == 1
    assert done.failed == () and done.made == JOBS
    assert pictures(tmp_path / "ray") == pictures(tmp_path / "alone")
    texts = [(tmp_path / name / "manifest.jsonl").read_text().splitlines() for name in ("alone", "ray")]
    alone, made = ([json.loads(line) | {"seconds": 0} for line in text] for text in texts)
    assert alone == made
    assert not [path for path in (tmp_path / "ray").rglob(".sinddm-rs-*")]


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers by /proc")
def test_a_job_that_loses_every_worker_has_failed(
    job: Job, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "RETRIES", 0)

    def harm(progress: BatchProgress) -> None:
        if progress.done == 1:
            kill_one(cluster)

    done = run_batch(with_seeds(job, 4), SETTINGS, tmp_path / "ray", RayEngine(cluster.address), tell=harm)
    assert done.made == 3 and len(done.failed) == 1
    assert "lost 1 times or could not begin: WorkerCrashedError" in done.failed[0][1]


def test_a_cluster_of_this_machine_and_a_job_that_fails(job: Job, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: the extra [ray]")
    bad = replace(job, name="train_000002_wood_s0", roi="30,30,9,9")
    done = run_batch([bad, job], SETTINGS, tmp_path / "ray", RayEngine(workers=1))
    assert done.made == 1 and "off the picture" in done.failed[0][1]
    assert not ray.is_initialized()


def test_an_address_where_nobody_answers(job: Job, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: the extra [ray]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InputError, match=f"no Ray cluster at '{address}'.*; begin one with"):
        run_batch([job], SETTINGS, tmp_path / "out", RayEngine(address))


def test_a_machine_that_does_not_see_the_folder(job: Job, tmp_path: Path) -> None:
    outcome = run_on_shared_folder(job, SETTINGS, tmp_path / "none")
    assert outcome.failure is not None and "does not see the folder" in outcome.failure


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"comfyui-sinddm-rs\[ray\]"):
        RayEngine()
