"""Lists of jobs: what they may hold, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from comfyui_sinddm_rs.batch.jobs import Job, job_name, read_jobs
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.settings import EditSettings

TEXT = "A fire in the forest"


def test_a_csv_and_the_same_as_json_lines(scenes: Path) -> None:
    (scenes / "jobs.csv").write_text(f'image,prompt,roi,seed,n\nwood.png,{TEXT},"1,2,3,4",5,2\nwood.png,snow,,,\n')
    (scenes / "jobs.tsv").write_text(f"image\tprompt\troi\tseed\tn\nwood.png\t{TEXT}\t1,2,3,4\t5\t2\nwood.png\tsnow\n")
    rows = [{"image": "wood.png", "prompt": TEXT, "roi": [1, 2, 3, 4], "seed": 5, "n": 2}]
    rows += [{"image": "wood.png", "prompt": "snow"}]
    (scenes / "jobs.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    found = read_jobs(scenes / "jobs.csv")
    assert found.jobs == read_jobs(scenes / "jobs.jsonl").jobs == read_jobs(scenes / "jobs.tsv").jobs
    assert found.notes == ()
    folder = scenes.resolve()
    assert found.jobs == (
        Job("train_000001_wood_s5", "wood.png", TEXT, 5, "1,2,3,4", folder),
        Job("train_000001_wood_s6", "wood.png", TEXT, 6, "1,2,3,4", folder),
        Job("train_000002_wood_s0", "wood.png", "snow", 0, "", folder),
    )
    assert found.jobs[0].image_path == folder / "wood.png" and found.jobs[0].roi_path is None


def test_an_edit_that_is_listed_twice_is_made_once(scenes: Path) -> None:
    lines = ["image,prompt,seed,n", f"wood.png,{TEXT},0,3", f"wood.png,{TEXT},2,2", "wood.png,snow,0,1"]
    (scenes / "jobs.csv").write_text("\n".join(lines))
    found = read_jobs(scenes / "jobs.csv", "val")
    assert [job.name for job in found.jobs] == [
        "val_000001_wood_s0",
        "val_000001_wood_s1",
        "val_000001_wood_s2",
        "val_000002_wood_s3",
        "val_000003_wood_s0",
    ]
    assert len(found.notes) == 1 and "line 3: 1 edits" in found.notes[0]


@pytest.mark.parametrize("image", ["a/b/../c d.png", "..", "a\\b\\é.tif", "/x/" + "long" * 30 + ".png", "", ".png"])
def test_a_name_is_one_of_a_file(image: str) -> None:
    name = job_name("train", 7, image, 3)
    assert Path(name).name == name and not re.search(r"[/\\ ]", name)
    assert name.startswith("train_000007_") and name.endswith("_s3") and len(name.encode()) < 200


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("jobs.csv", "picture,prompt\nwood.png,snow\n", "columns picture, prompt; name image and prompt"),
        ("jobs.csv", "image,prompt,strength\nwood.png,snow,1\n", "columns image, prompt, strength"),
        ("jobs.csv", "", "columns none"),
        ("jobs.csv", "image,prompt\n", "holds no job"),
        ("jobs.csv", "image,prompt\nwood.png,snow,1,2,3\n", "line 2: there are more values"),
        ("jobs.csv", "image,prompt\n,snow\n", "line 2: There is no image"),
        ("jobs.csv", "image,prompt\nwood.png,\n", "line 2: The prompt is empty"),
        ("jobs.csv", "image,prompt,seed\nwood.png,snow,x\n", "line 2: The value 'x' of seed"),
        ("jobs.csv", "image,prompt,seed\nwood.png,snow,-1\n", "line 2: The value '-1' of seed"),
        ("jobs.csv", "image,prompt,n\nwood.png,snow,0\n", "line 2: 0 edits"),
        ("jobs.csv", "image,prompt,n\nwood.png,snow,1001\n", "choose 1 to 1,000"),
        ("jobs.csv", "image,prompt,seed\nwood.png,snow,9999999999999999999\n", "line 2: The seed"),
        ("jobs.csv", "image,prompt\nnone.png,snow\n", "None of the pictures"),
        ("jobs.csv", b"\xff\xfe", "cannot be read"),
        ("jobs.jsonl", "{", "line 1: this is no JSON"),
        ("jobs.jsonl", "[1]", "line 1: this is no JSON object"),
        ("jobs.jsonl", '{"image": 3, "prompt": "snow"}', "line 1: The value 3 of image"),
        ("jobs.jsonl", '{"image": "wood.png", "prompt": "snow", "n": true}', "The value True of n"),
        ("jobs.jsonl", '{"image": "wood.png", "prompt": "snow", "x": 1}', "columns image, prompt, x"),
        ("jobs.txt", "image,prompt\nwood.png,snow\n", "no known kind"),
    ],
)
def test_a_list_that_cannot_be_used(scenes: Path, name: str, content: str | bytes, word: str) -> None:
    (scenes / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=re.escape(word)) as caught:
        read_jobs(scenes / name)
    assert "; " in str(caught.value) and str(caught.value).endswith(".")


def test_a_list_that_is_not_there(scenes: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_jobs(scenes / "none.csv")


def test_a_digest_tells_settings_apart(job: Job) -> None:
    settings = EditSettings()
    assert job.digest(settings) == job.digest(EditSettings(seed=5))
    assert job.digest(settings) != job.digest(EditSettings(strength=2.0))
