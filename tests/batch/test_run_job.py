"""One job: its files, what its record says, and that a failure leaves nothing."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.batch import run_job as module
from comfyui_sinddm_rs.batch.jobs import Job
from comfyui_sinddm_rs.batch.layout import make_folders
from comfyui_sinddm_rs.batch.run_job import run_job
from comfyui_sinddm_rs.guidance.settings import EditSettings
from PIL import Image

TEXT = "A fire in the forest"
Pictures = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    make_folders(folder)
    return folder


def test_a_pair_and_its_record(job: Job, out: Path, forest: np.ndarray) -> None:
    outcome = run_job(job, EditSettings(strength=1.5), out)
    assert outcome.failure is None and outcome.record is not None
    line = outcome.record.manifest
    before, after, label = (np.asarray(Image.open(out / line[kind])) for kind in ("A", "B", "label"))
    assert (before == forest).all() and after.shape == forest.shape and after.dtype == np.uint8
    assert label.shape == forest.shape[:2] and set(np.unique(label)) == {0, 255}
    assert not label[:6].any() and (before != after).any(-1)[label > 0].mean() > 0.8
    assert round(float((label > 0).mean()), 4) == line["changed_share"]
    assert list(line) == [
        *("name", "image", "prompt", "roi", "seed", "strength", "candidates", "preset", "guide", "device", "version"),
        *("A", "B", "label", "changed_share", "score_before", "score_after", "kept_seed", "exemplars", "painted"),
        *("prompts", "model", "warnings", "seconds"),
    ]
    assert line["A"] == "A/train_000001_wood_s0.png" and line["strength"] == 1.5 and line["roi"] == "6,6,18,18"
    stored = json.loads((out / "done" / "train_000001_wood_s0.json").read_text())
    assert stored["manifest"] == line


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"image": "none.png"}, "The picture none.png does not exist"),
        ({"image": "jobs.txt"}, "jobs.txt"),
        ({"roi": "20,20,20,20"}, "off the picture"),
        ({"roi": "mask.png"}, "The region mask.png does not exist"),
        ({"roi": "wood.xml", "reader": "boxes"}, "The region wood.xml does not exist"),
        ({"image": "bad.bmp"}, "bad.bmp cannot be read as a BMP"),
    ],
)
def test_what_cannot_be_edited(
    job: Job, out: Path, scenes: Path, pictures: Pictures, change: dict[str, Any], word: str
) -> None:
    (scenes / "jobs.txt").write_text("no picture")
    (scenes / "bad.bmp").write_bytes(b"BM no picture")
    outcome = run_job(replace(job, **change), EditSettings(), out)
    assert outcome.record is None and outcome.failure is not None and word in outcome.failure
    assert str(scenes) not in outcome.failure and outcome.failure.endswith(".")
    assert pictures(out) == {} and list((out / "done").iterdir()) == []


def test_a_program_error_is_a_reason_too(job: Job, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(module, "edit_document", broken)
    outcome = run_job(job, EditSettings(), out)
    assert outcome.failure == "The edit failed with ZeroDivisionError (by zero); report it with the picture."


@pytest.mark.parametrize("kind", ["A", "B", "label", "done"])
def test_a_disk_that_is_full_in_the_middle_leaves_nothing(
    job: Job, out: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """From one kind of file on the kernel writes only half of it, as on a full disk."""
    whole = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        if path.parent.parent.name != kind:  # in the making, in a folder of its own beside its place
            return whole(path, data)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(data) // 2, limits[1]))
        try:
            return whole(path, data)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(Path, "write_bytes", half)
    outcome = run_job(job, EditSettings(), out)
    assert outcome.failure is not None and "cannot be written (File too large)" in outcome.failure
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_a_bmp_is_read(job: Job, out: Path, scenes: Path, forest: np.ndarray) -> None:
    Image.fromarray(forest).save(scenes / "wood.bmp")
    outcome = run_job(replace(job, image="wood.bmp"), EditSettings(), out)
    assert outcome.failure is None
    assert (np.asarray(Image.open(out / "A" / "train_000001_wood_s0.png")) == forest).all()


def test_a_geotiff_is_a_pair_of_geotiffs(job: Job, out: Path, scenes: Path, forest: np.ndarray) -> None:
    rasterio = pytest.importorskip("rasterio")
    bands = np.tile(forest, (3, 3, 1)).transpose(2, 0, 1)
    place = rasterio.transform.from_origin(300000, 4200000, 0.5, 0.5)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": 96, "width": 96, "crs": "EPSG:32610"}
    with rasterio.open(scenes / "wood.tif", "w", transform=place, photometric="RGB", **profile) as file:
        file.write(bands)
    outcome = run_job(replace(job, image="wood.tif", roi="30,34,20,22"), EditSettings(), out)
    assert outcome.record is not None, outcome.failure
    line = outcome.record.manifest
    assert (out / line["A"]).read_bytes() == (scenes / "wood.tif").read_bytes()
    with rasterio.open(out / line["B"]) as after, rasterio.open(out / line["label"]) as label:
        assert after.transform == label.transform == place and after.crs == label.crs and label.count == 1
        changed = (after.read() != bands).any(0)
        marked = label.read(1)
    assert marked.dtype == np.uint8 and set(np.unique(marked)) == {0, 255}
    assert marked[34:56, 30:50].any() and changed[marked > 0].mean() > 0.8
    marked[34:56, 30:50] = 0
    assert not marked.any() and line["window"]
