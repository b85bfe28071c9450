"""``sinddm-rs sequence`` writes one picture a state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]
STATES = ("A fire in the forest", "The forest is burnt")


def test_a_picture_a_state(run: Run, folder: Path, scene: np.ndarray) -> None:
    answer = run("sequence", "scene.png", *STATES, "-o", "out", "--seed", "3", "--roi", "8,10,14,12").answer
    assert [state["text"] for state in answer["states"]] == list(STATES)
    assert [state["exemplars"] for state in answer["states"]] == [["fire"], ["burn_scar"]]
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["state_1.png", "state_2.png"]
    for state in answer["states"]:
        with Image.open(state["output"]) as image:
            changed = (np.asarray(image) != scene).any(-1)
        assert changed.any()
        changed[10:22, 8:22] = False
        assert not changed.any()


@pytest.mark.usefixtures("scene")
def test_one_text_is_no_sequence(run: Run, folder: Path) -> None:
    ended = run("sequence", "scene.png", STATES[0], "-o", "out")
    assert ended.code == 2 and "at least two texts" in ended.err
    assert not any((folder / "out").glob("*.png"))
