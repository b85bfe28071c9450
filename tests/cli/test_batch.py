"""``sinddm-rs batch``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from comfyui_sinddm_rs.batch.jobs import Job
from comfyui_sinddm_rs.batch.run_job import Outcomes, run_job
from comfyui_sinddm_rs.cli import batch_run, main
from comfyui_sinddm_rs.guidance.settings import EditSettings

TEXT = "A fire in the forest"
Run = Callable[..., Any]
COMMAND = (sys.executable, "-c", "from comfyui_sinddm_rs.cli import main; raise SystemExit(main())")


class Here:
    """An engine inside the test, that keeps what it was made with."""

    def __init__(self, *made_with: object) -> None:
        self.made_with = made_with

    def outcomes(self, jobs: Sequence[Job], settings: EditSettings, folder: Path) -> Outcomes:
        for job in jobs:
            yield run_job(job, settings, folder)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def jobs(folder: Path) -> Path:
    path = folder / "jobs.csv"
    path.write_text(f'image,prompt,roi,seed,n\nscene.png,{TEXT},"6,6,18,18",3,2\n')
    return path


@pytest.mark.usefixtures("jobs")
def test_a_list_with_two_processes_and_once_more(run: Run, folder: Path) -> None:
    command = ("batch", "jobs.csv", "-o", "out", "--workers", "2", "--strength", "1.2")
    ended = run(*command)
    assert list(ended.answer) == [
        *("output", "manifest", "failures", "jobs", "made", "kept", "failed", "jobs_per_minute", "seconds")
    ]
    assert (ended.answer["made"], ended.answer["kept"], ended.answer["failures"]) == (2, 0, None)
    assert "[2/2] train_000001_scene_s" in ended.err and ", 0 s left" in ended.err
    lines = [json.loads(line) for line in (folder / "out" / "manifest.jsonl").read_text().splitlines()]
    assert [(line["seed"], line["strength"]) for line in lines] == [(3, 1.2), (4, 1.2)]
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["A", "B", "done", "label", "manifest.jsonl"]
    again = run(*command)
    assert (again.answer["made"], again.answer["kept"]) == (0, 2) and "[1/" not in again.err


def test_a_job_that_fails_is_exit_code_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(batch_run, "LocalEngine", Here)
    (folder / "jobs.jsonl").write_text(
        "\n".join(json.dumps({"image": image, "prompt": TEXT}) for image in ("none.png", "scene.png"))
    )
    assert main(("batch", "jobs.jsonl", "-o", "out")) == 1
    out, err = capfd.readouterr()
    answer = json.loads(out)
    assert (answer["made"], answer["failed"], answer["failures"]) == (1, 1, str(Path("out") / "failures.csv"))
    assert "train_000001_none_s0: failed" in err and ", 1 failed" in err
    assert "sinddm-rs: train_000001_none_s0 failed: The picture none.png does not exist; check its path.\n" in err
    assert "1 of 2 jobs failed, listed in" in err
    assert "none.png does not exist" in (folder / "out" / "failures.csv").read_text()


def test_a_dataset(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_run, "LocalEngine", Here)
    for split in ("train", "val"):
        for kind in ("A", "B", "label"):
            place = folder / "levir" / split / kind
            place.mkdir(parents=True)
            (place / f"{split}_1.png").write_bytes((folder / "scene.png").read_bytes())
    options = ("--prompt", TEXT, "--limit", "1", "--seed", "2", "--edits", "2", "--split", "val")
    ended = run("batch", "--dataset", "levir-cd", "levir", "-o", "out", *options)
    assert ended.answer["made"] == 2
    names = sorted(path.name for path in (folder / "out" / "A").iterdir())
    assert names == ["val_000001_train_1_s2.png", "val_000001_train_1_s3.png"]


@pytest.mark.usefixtures("jobs")
def test_ray_takes_the_address_and_the_workers(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    made: list[Here] = []

    def engine(*made_with: object) -> Here:
        made.append(Here(*made_with))
        return made[0]

    monkeypatch.setattr(batch_run, "RayEngine", engine)
    ended = run("batch", "jobs.csv", "-o", "out", "--engine", "ray", "--address", "10.0.0.1:6379", "--workers", "7")
    assert ended.answer["made"] == 2 and made[0].made_with == ("10.0.0.1:6379", 7)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "There must be one source"),
        (("jobs.csv", "--dataset", "aid", "."), "There must be one source"),
        (("none.csv",), "none.csv cannot be read"),
        (("wrong.csv",), "columns picture, text; name image and prompt"),
        (("lost.csv",), "None of the pictures"),
        (("jobs.csv", "--prompt", "snow"), "--prompt is for --dataset"),
        (("jobs.csv", "--limit", "1"), "--limit is for --dataset"),
        (("jobs.csv", "--workers", "0"), "0 workers"),
        (("jobs.csv", "--address", "auto"), "without --engine ray"),
        (("jobs.csv", "--engine", "dask"), "invalid choice"),
        (("jobs.csv", "--strength", "9"), "strength 9"),
        (("jobs.csv", "--guide", "none"), "no guide 'none'"),
        (("--dataset", "mnist", ".", "--prompt", "snow"), "no dataset 'mnist'"),
        (("--dataset", "aid", "."), "add --prompt"),
        (("--dataset", "xbd", ".", "--prompt", "snow"), "is no folder of the dataset xbd"),
    ],
)
@pytest.mark.usefixtures("jobs")
def test_bad_input_is_one_sentence(
    refused: Callable[..., None], folder: Path, arguments: tuple[str, ...], word: str
) -> None:
    (folder / "wrong.csv").write_text("picture,text\nscene.png,snow\n")
    (folder / "lost.csv").write_text("image,prompt\nnone.png,snow\n")
    refused(("batch", *arguments, "-o", "out"), word)


@pytest.mark.usefixtures("jobs")
def test_a_folder_of_other_jobs(
    run: Run, refused: Callable[..., None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_run, "LocalEngine", Here)
    run("batch", "jobs.csv", "-o", "out")
    (folder / "more.csv").write_text("image,prompt\nscene.png,snow\n")
    refused(("batch", "more.csv", "-o", "out"), "2 pairs of other jobs or settings")
    assert run("batch", "more.csv", "-o", "out", "--resume").answer["made"] == 1
    assert len((folder / "out" / "manifest.jsonl").read_text().splitlines()) == 3


def test_control_c_keeps_what_is_done_and_leaves_no_process(folder: Path) -> None:
    (folder / "many.csv").write_text(f"image,prompt,n\nscene.png,{TEXT},500\n")
    process = subprocess.Popen(
        [*COMMAND, "batch", "many.csv", "-o", "out", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 (no threads run in the child before it)
    )
    try:
        assert process.stderr is not None
        seen = b""
        while b"[2/500]" not in seen:
            piece = os.read(process.stderr.fileno(), 1000)
            assert piece, seen
            seen += piece
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers too
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted" in err and b"Traceback" not in err
    pairs = [sorted(path.stem for path in (folder / "out" / kind).iterdir()) for kind in ("A", "B", "label", "done")]
    lines = (folder / "out" / "manifest.jsonl").read_text().splitlines()
    assert pairs[0] == pairs[1] == pairs[2] == pairs[3] and 2 <= len(lines) <= len(pairs[0]) < 500
    check_gone(process.pid)


def test_workers_end_with_a_command_that_is_killed(folder: Path) -> None:
    (folder / "many.csv").write_text(f"image,prompt,n\nscene.png,{TEXT},500\n")
    process = subprocess.Popen(
        [*COMMAND, "batch", "many.csv", "-o", "out", "--workers", "1"], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline()
    finally:
        process.kill()
        process.wait()
    check_gone(process.pid)


def check_gone(group: int) -> None:
    """Within moments no process of the group is left."""
    end = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.1)


def heed_interrupts() -> None:
    """A process that a shell began in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
