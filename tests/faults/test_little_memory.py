"""Too little memory: smaller parts first; then one sentence that names a size, which does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from .conftest import FIRE, Ended, Nursery, results, temporaries, wood

MIB = 2**20
SIZE = re.compile(
    r"^sinddm-rs: There is not enough memory to [a-z ]+ of \d+×\d+ px; choose one of at most (\d+)×(\d+) px"
)


def size_told(ended: Ended) -> tuple[int, int]:
    """(width, height) of the size that the one sentence names."""
    assert ended.code == 2 and "Traceback" not in ended.said, ended.said
    found = SIZE.match(ended.sentences[-1])
    assert found is not None and len(ended.sentences) == 1, ended.said
    return int(found[1]), int(found[2])


def test_an_edit_without_enough_memory_names_a_size_that_can_be_edited(folder: Path, nursery: Nursery) -> None:
    Image.fromarray(wood(1024, 1024)).save(folder / "large.png")
    limits = {"RLIMIT_AS": 1150 * MIB}
    width, height = size_told(nursery.run(folder, "edit", "large.png", FIRE, "-o", "edit.png", limits=limits))
    assert not (folder / "edit.png").exists()
    while width * height > 128 * 128:  # the advice may be taken more than once
        Image.fromarray(wood(height, width)).save(folder / "small.png")
        ended = nursery.run(folder, "edit", "small.png", FIRE, "-o", "edit.png", limits=limits)
        if ended.code == 0:
            return
        width, height = size_told(ended)
    raise AssertionError(f"not even {width}×{height} px can be edited")


def test_new_scenes_without_enough_memory_name_a_size(folder: Path, nursery: Nursery) -> None:
    arguments = ("sample", "scene.png", "-o", "out", "--size=2000x2000")
    assert size_told(nursery.run(folder, *arguments, limits={"RLIMIT_AS": 250 * MIB})) == (1000, 1000)
    assert results(folder / "out") == {}


def test_a_training_without_enough_memory_names_a_size(folder: Path, nursery: Nursery) -> None:
    arguments = ("train", "scene.png", "-o", "m.safetensors", "--recipe=reference", "--width=512")
    ended = nursery.run(folder, *arguments, "--iterations=2", limits={"RLIMIT_AS": 160 * MIB})
    assert ended.code == 2 and len(ended.sentences) == 1 and "There is not enough memory" in ended.said, ended.said
    assert not (folder / "m.safetensors").exists()


@pytest.mark.parametrize("room", [5, 40, 120])
def test_a_picture_that_cannot_even_be_read_is_not_called_damaged(folder: Path, nursery: Nursery, room: int) -> None:
    Image.fromarray(wood(2048, 2048)).save(folder / "large.png")
    ended = nursery.run(folder, "edit", "large.png", FIRE, "-o", "edit.png", limits={"RLIMIT_AS": room * MIB})
    assert ended.code == 2 and len(ended.sentences) == 1, ended.said
    assert "not enough memory" in ended.sentences[0] and "damaged" not in ended.said, ended.said


def test_a_batch_without_enough_memory_makes_what_fits_and_names_a_size_for_the_rest(
    folder: Path, nursery: Nursery
) -> None:
    Image.fromarray(wood(1024, 1024)).save(folder / "large.png")
    rows = [f"large.png,{FIRE},2", f"scene.png,{FIRE},3"]
    (folder / "jobs.csv").write_text("\n".join(["image,prompt,seed", *rows]) + "\n")
    arguments = ("batch", "jobs.csv", "-o", "out", "--workers=1")
    ended = nursery.run(folder, *arguments, limits={"RLIMIT_AS": 1150 * MIB})
    assert ended.code == 1 and "Traceback" not in ended.said, ended.said
    assert [path.suffix for path in (folder / "out" / "B").iterdir()] == [".png"]
    (failed,) = [line for line in ended.sentences if " failed: " in line]
    assert "large" in failed and re.search(r"not enough memory .* at most \d+×\d+ px", failed), ended.said
    assert temporaries(folder) == []
