"""Published datasets, as tiny folders of their layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.batch.datasets import DATASETS, dataset_jobs
from comfyui_sinddm_rs.batch.jobs import JobList
from comfyui_sinddm_rs.batch.run import run_batch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.settings import EditSettings
from PIL import Image

TEXT = "A fire in the forest"


@pytest.fixture
def archive(tmp_path: Path, forest: np.ndarray) -> Path:
    """All four datasets, each in a folder of its name."""
    picture = Image.fromarray(forest)

    def save(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)

    save("aid/Forest/forest_1.jpg", "aid/Forest/forest_2.jpg", "aid/Airport/airport_1.jpg")
    save("hrsc2016-ms/AllImages/100000001.bmp", "hrsc2016-ms/AllImages/100000002.bmp")
    box = "<bndbox><xmin>8</xmin><ymin>8</ymin><xmax>24</xmax><ymax>20</ymax></bndbox>"
    notes = tmp_path / "hrsc2016-ms" / "Annotations"
    notes.mkdir()
    (notes / "100000001.xml").write_text(f"<annotation><object><name>ship</name>{box}</object></annotation>")
    (notes / "100000002.xml").write_text("<annotation/>")
    for split, disaster in (("train", "fire_00000001"), ("hold", "flood_00000009")):
        save(*(f"xbd/{split}/images/{disaster}_{when}_disaster.png" for when in ("pre", "post")))
        xy = [{"properties": {}, "wkt": "POLYGON ((6 6, 20 6, 20 22, 6 22, 6 6))"}]
        label = tmp_path / "xbd" / split / "labels" / f"{disaster}_pre_disaster.json"
        label.parent.mkdir()
        label.write_text(json.dumps({"features": {"lng_lat": [], "xy": xy}}))
    for split in ("train", "val", "test"):
        save(*(f"levir-cd/{split}/{kind}/{split}_1.png" for kind in ("A", "B", "label")))
    return tmp_path


def images(found: JobList) -> list[str]:
    return [job.image for job in found.jobs]


def test_what_each_dataset_gives(archive: Path) -> None:
    found = {name: dataset_jobs(name, archive / name, TEXT, split="test") for name in DATASETS}
    assert images(found["aid"]) == ["Airport/airport_1.jpg", "Forest/forest_1.jpg", "Forest/forest_2.jpg"]
    assert images(found["hrsc2016-ms"]) == ["AllImages/100000001.bmp"]
    assert [job.roi for job in found["hrsc2016-ms"].jobs] == ["Annotations/100000001.xml"]
    assert "1 pictures" in found["hrsc2016-ms"].notes[0]
    assert images(found["xbd"]) == [
        "train/images/fire_00000001_pre_disaster.png",
        "hold/images/flood_00000009_pre_disaster.png",
    ]
    assert images(found["levir-cd"]) == ["train/A/train_1.png", "val/A/val_1.png", "test/A/test_1.png"]
    for each in found.values():
        assert all(job.image_path.is_file() and job.name.startswith("test_") for job in each.jobs)
        assert all(job.roi_path is None or job.roi_path.is_file() for job in each.jobs)


def test_one_split_as_the_folder(archive: Path) -> None:
    assert images(dataset_jobs("levir-cd", archive / "levir-cd" / "val", TEXT)) == ["A/val_1.png"]
    assert images(dataset_jobs("xbd", archive / "xbd" / "hold", TEXT)) == ["images/flood_00000009_pre_disaster.png"]


def test_a_limit_counts_pictures_and_each_has_its_seeds(archive: Path) -> None:
    found = dataset_jobs("aid", archive / "aid", TEXT, seed=4, count=2, limit=2)
    assert [(job.image, job.seed) for job in found.jobs] == [
        ("Airport/airport_1.jpg", 4),
        ("Airport/airport_1.jpg", 5),
        ("Forest/forest_1.jpg", 4),
        ("Forest/forest_1.jpg", 5),
    ]


@pytest.mark.parametrize(("name", "inside"), [("hrsc2016-ms", (8, 8, 25, 21)), ("xbd", (6, 6, 21, 23))])
def test_edits_stay_in_the_labels(archive: Path, here: Any, name: str, inside: tuple[int, ...]) -> None:
    found = dataset_jobs(name, archive / name, TEXT, limit=1)
    done = run_batch(found.jobs, EditSettings(), archive / "out", here)
    assert done.failed == ()
    (line,) = (archive / "out" / "manifest.jsonl").read_text().splitlines()
    assert str(archive) not in line
    label = np.asarray(Image.open(archive / "out" / json.loads(line)["label"]))
    left, top, right, bottom = inside
    assert label[top:bottom, left:right].any()
    label = label.copy()
    label[top:bottom, left:right] = 0
    assert not label.any()


@pytest.mark.parametrize(
    ("name", "folder", "options", "word"),
    [
        ("spacenet", "aid", {}, "no dataset 'spacenet'; choose one of aid"),
        ("aid", "none", {}, "does not exist; give the one that holds Class"),
        ("xbd", "aid", {}, "is no folder of the dataset xbd; it must hold train"),
        ("aid", "levir-cd/val", {}, "is no folder of the dataset aid"),
        ("aid", "aid", {"limit": 0}, "limit of 0"),
        ("aid", "aid", {"count": 0}, "0 edits"),
        ("aid", "aid", {"seed": -1}, "The seed -1"),
    ],
)
def test_bad_input(archive: Path, name: str, folder: str, options: dict[str, int], word: str) -> None:
    with pytest.raises(InputError, match=word):
        dataset_jobs(name, archive / folder, TEXT, **options)


def test_a_damaged_label_is_its_own_job_s_failure(archive: Path, here: Any) -> None:
    (archive / "hrsc2016-ms" / "Annotations" / "100000002.xml").write_text("<annotation>")
    found = dataset_jobs("hrsc2016-ms", archive / "hrsc2016-ms", TEXT)
    done = run_batch(found.jobs, EditSettings(), archive / "out", here)
    assert done.made == 1 and "The boxes Annotations/100000002.xml cannot be read" in done.failed[0][1]


def test_no_label_at_all(archive: Path) -> None:
    (archive / "hrsc2016-ms" / "Annotations" / "100000001.xml").unlink()
    with pytest.raises(InputError, match=r"No picture of .* has a label"):
        dataset_jobs("hrsc2016-ms", archive / "hrsc2016-ms", TEXT)
