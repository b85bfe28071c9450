"""Which guides stay in memory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from comfyui_sinddm_rs.guidance.guides import IN_MEMORY, load_guide


@pytest.mark.usefixtures("tiny_known")
def test_the_last_two_stay(tiny_file: Path) -> None:
    paths = [str(shutil.copy(tiny_file, tiny_file.with_name(f"{index}.pt"))) for index in range(3)]
    assert IN_MEMORY == 2
    first, second = load_guide(paths[0]), load_guide(paths[1])
    assert load_guide(paths[0]) is first
    load_guide(paths[2])  # puts out the one that was not used for longest
    assert load_guide(paths[0]) is first
    assert load_guide(paths[1]) is not second


@pytest.mark.usefixtures("tiny_known")
def test_a_file_that_changed_is_read_again(tiny_file: Path) -> None:
    guide = load_guide(str(tiny_file))
    assert load_guide(str(tiny_file)) is guide
    os.utime(tiny_file, ns=(0, 0))
    assert load_guide(str(tiny_file)) is not guide
