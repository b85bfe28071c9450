"""The batch: what it makes, does not make twice, refuses and tells."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.batch import run as module
from comfyui_sinddm_rs.batch.jobs import Job, job_name
from comfyui_sinddm_rs.batch.progress import BatchProgress
from comfyui_sinddm_rs.batch.run import run_batch
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.guidance.settings import EditSettings
from PIL import Image
from torch import Tensor

SETTINGS = EditSettings()
Pictures = Callable[[Path], dict[str, bytes]]


def with_seeds(job: Job, *seeds: int) -> list[Job]:
    return [replace(job, name=job_name("train", 1, job.image, seed), seed=seed) for seed in seeds]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


class LevirLoader:
    """What torchgeo.datasets.LEVIRCD does with a folder: names of a split, sorted, and labels as 0 and 1."""

    def __init__(self, root: Path, split: str) -> None:
        found = [sorted((root / kind).glob(f"{split}*.png")) for kind in ("A", "B", "label")]
        self.files = list(zip(*found, strict=True))

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        before, after, label = self.files[index]
        pictures = [torch.from_numpy(np.array(Image.open(path).convert("RGB"))).float() for path in (before, after)]
        mask = torch.from_numpy(np.array(Image.open(label).convert("L"))).clamp(0, 1).long()
        return torch.stack([each.permute(2, 0, 1) for each in pictures]), mask


def test_loaders_of_change_detection_read_it(job: Job, here: Any, tmp_path: Path) -> None:
    done = run_batch(with_seeds(job, 0, 1), SETTINGS, tmp_path / "out", here)
    assert (done.made, done.kept, done.failed) == (2, 0, ())
    loader = LevirLoader(tmp_path / "out", "train")
    assert len(loader.files) == 2
    for index, line in enumerate(lines(tmp_path / "out")):
        assert {Path(path).stem for path in loader.files[index]} == {line["name"]}
        pictures, mask = loader[index]
        assert pictures.shape == (2, 3, 32, 32) and mask.shape == (32, 32) and mask.unique().tolist() == [0, 1]
        far = torch.nn.functional.max_pool2d(mask[None].float(), 9, 1, 4)[0] == 0
        assert (pictures[0] == pictures[1]).all(0)[far].all()
    # LEVIR-CD as other loaders know it: one list of names, each in all three folders.
    names = [sorted(path.name for path in (tmp_path / "out" / kind).iterdir()) for kind in ("A", "B", "label")]
    assert names[0] == names[1] == names[2]


def test_the_same_command_goes_on(job: Job, here: Any, tmp_path: Path, pictures: Pictures) -> None:
    out = tmp_path / "out"
    jobs = with_seeds(job, 0, 1)
    run_batch(jobs[:1], SETTINGS, out, here)
    first = pictures(out)
    (out / "B" / ".sinddm-rs-1-2.tmp").write_bytes(b"half")  # of a worker that was killed
    (out / "A" / f"{jobs[1].name}.png").write_bytes(b"of a job that was not finished")
    told: list[BatchProgress] = []
    done = run_batch(jobs, SETTINGS, out, here, tell=told.append)
    assert (done.made, done.kept) == (1, 1)
    assert here.began == [jobs[0].name, jobs[1].name] and [(each.done, each.total) for each in told] == [(1, 1)]
    assert pictures(out).items() > first.items() and len(pictures(out)) == 6
    assert [line["name"] for line in lines(out)] == [each.name for each in jobs]
    assert run_batch(jobs, SETTINGS, out, here).kept == 2 and len(here.began) == 2


def test_what_is_lost_or_stale_is_made_anew(job: Job, here: Any, tmp_path: Path, forest: np.ndarray) -> None:
    out = tmp_path / "out"
    run_batch([job], SETTINGS, out, here)
    (out / "label" / f"{job.name}.png").unlink()
    assert run_batch([job], SETTINGS, out, here).made == 1
    Image.fromarray(forest[::-1]).save(job.image_path)
    assert run_batch([job], SETTINGS, out, here).made == 1
    (out / "done" / f"{job.name}.json").write_text("{")
    assert run_batch([job], SETTINGS, out, here).made == 1
    job.image_path.unlink()
    assert run_batch([job], SETTINGS, out, here).kept == 1  # done with its source taken away


def test_other_jobs_are_refused_unless_it_is_wanted(job: Job, here: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, second = with_seeds(job, 0, 1)
    run_batch([first], SETTINGS, out, here)
    before = sorted(path for path in out.rglob("*"))
    stronger = EditSettings(strength=2.0)
    for jobs, settings in (([second], SETTINGS), ([first], stronger)):
        with pytest.raises(InputError, match=f"holds 1 pairs of other jobs or settings, such as {first.name}; "):
            run_batch(jobs, settings, out, here)
    assert sorted(path for path in out.rglob("*")) == before
    run_batch([second], SETTINGS, out, here, resume=True)
    assert [line["seed"] for line in lines(out)] == [1, 0]
    assert run_batch([first], stronger, out, here, resume=True).made == 1
    assert [(line["seed"], line["strength"]) for line in lines(out)] == [(0, 2.0), (1, 1.0)]


def test_pictures_of_others_are_refused(job: Job, here: Any, tmp_path: Path) -> None:
    (tmp_path / "out" / "A").mkdir(parents=True)
    (tmp_path / "out" / "A" / "mine.png").write_bytes(b"")
    with pytest.raises(InputError, match="such as mine"):
        run_batch([job], SETTINGS, tmp_path / "out", here)


def test_a_failure_stops_no_other_and_is_listed(job: Job, here: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bad = replace(job, name="train_000002_none_s0", image="none, with comma.png")
    off = replace(job, name="train_000003_wood_s0", roi="30,30,9,9")
    done = run_batch([bad, off, job], SETTINGS, out, here)
    assert done.made == 1 and [each.name for each, _ in done.failed] == [bad.name, off.name]
    with (out / "failures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["image"]) for row in rows] == [(each.name, each.image) for each in (bad, off)]
    assert "does not exist" in rows[0]["reason"] and "off the picture" in rows[1]["reason"]
    assert [line["name"] for line in lines(out)] == [job.name]
    # The next run tries them again, and where none fails there is no list.
    run_batch([job], SETTINGS, out, here)
    assert not (out / "failures.csv").exists()


def test_an_interruption_keeps_what_is_done(job: Job, here: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    jobs = with_seeds(job, 0, 1)

    def interrupted(_progress: BatchProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(jobs, SETTINGS, out, here, tell=interrupted)
    assert here.began == [jobs[0].name] and [line["seed"] for line in lines(out)] == [0]
    assert run_batch(jobs, SETTINGS, out, here).kept == 1


def test_a_manifest_that_cannot_be_written_is_told_at_the_end(
    job: Job, here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("There is no space left; free some.")

    monkeypatch.setattr(module.layout, "write_manifest", full)
    with pytest.raises(OutputError, match="no space"):
        run_batch(with_seeds(job, 0, 1), SETTINGS, tmp_path / "out", here)
    assert len(here.began) == 2
