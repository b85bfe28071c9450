"""A disk that is full, or a place that nobody can write: exit code 2, one sentence, nothing half-written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import FIRE, Ended, Nursery, draw_tiff, results, temporaries, wood

COMMANDS = {
    "edit": ("edit", "scene.png", FIRE, "-o", "out/edit.png"),
    "edit of a GeoTIFF": ("edit", "scene.tif", FIRE, "-o", "out/edit.tif"),
    "edit in tiles": ("edit", "large.tif", "Dense smoke over the forest", "-o", "out/large.tif"),
    "train": ("train", "scene.png", "-o", "out/m.safetensors", "--iterations=2", "--width=8"),
    "sample": ("sample", "scene.png", "-o", "out"),
    "batch": ("batch", "jobs.csv", "-o", "out", "--workers=1"),
}


@pytest.fixture
def scenes(folder: Path) -> Path:
    draw_tiff(folder / "scene.tif", wood(48, 52))
    draw_tiff(folder / "large.tif", wood(64, 200))
    return folder


def refused(ended: Ended, word: str) -> None:
    assert ended.code == 2 and "Traceback" not in ended.said, ended.said
    sentence = ended.sentences[-1]
    assert word in sentence and sentence.endswith(".") and sentence.count("; ") == 1, ended.said


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "batch"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(name: str, scenes: Path, nursery: Nursery) -> None:
    """A limit of a file's size stands for the disk."""
    out = scenes / "out"
    out.mkdir()
    refused(nursery.run(scenes, *COMMANDS[name], limits={"RLIMIT_FSIZE": 1500}), "free some space")
    assert results(out) == {}
    # Finished tiles stay for the next run.
    assert [path for path in temporaries(out) if path.parent == out and not path.name.endswith(".tiles")] == []


def test_a_batch_on_a_full_disk_names_each_job_that_failed(scenes: Path, nursery: Nursery) -> None:
    ended = nursery.run(scenes, *COMMANDS["batch"], limits={"RLIMIT_FSIZE": 1500})
    assert ended.code == 1 and ended.said.count("free some space.") >= 3 and "Traceback" not in ended.said, ended.said
    assert set(results(scenes / "out")) == {"failures.csv", "manifest.jsonl"} and temporaries(scenes / "out") == []


@pytest.fixture
def mounted(scenes: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """``out`` as a file system of its own, with the options of the test."""
    out = scenes / "out"
    out.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(out)]
    try:
        done = subprocess.run(asked, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("a file system can be mounted by an administrator only")
    yield scenes
    subprocess.run(["umount", str(out)], check=True)


@pytest.mark.parametrize("mounted", ["size=4k"], indirect=True)
@pytest.mark.parametrize("name", ["edit", "edit of a GeoTIFF", "train", "sample"])
def test_a_small_file_system_that_is_full_is_one_sentence(name: str, mounted: Path, nursery: Nursery) -> None:
    refused(nursery.run(mounted, *COMMANDS[name]), "free")
    assert results(mounted / "out") == {} and temporaries(mounted / "out") == []


@pytest.mark.parametrize("mounted", ["size=1m,ro"], indirect=True)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_file_system_is_one_sentence(name: str, mounted: Path, nursery: Nursery) -> None:
    refused(nursery.run(mounted, *COMMANDS[name]), "choose another")


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("place", ["a file", "/proc"])
def test_a_place_where_no_file_can_be_is_one_sentence(name: str, place: str, scenes: Path, nursery: Nursery) -> None:
    out = scenes / "out"
    if place == "a file":
        out.write_text("a file where a folder should be\n")
    else:
        out.symlink_to("/proc")
    before = out.lstat().st_mtime_ns
    refused(nursery.run(scenes, *COMMANDS[name]), "cannot be")
    assert out.lstat().st_mtime_ns == before
