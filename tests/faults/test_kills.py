"""kill -9 at any moment: no half-written file under its final name, and the next run ends as if nothing had happened.

``SINDDM_RS_KILLS=50 pytest tests/faults/test_kills.py -s`` kills fifty times instead of five, and says how often.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from .conftest import FIRE, Nursery, draw_tiff, results, temporaries, wood

KILLS = int(os.environ.get("SINDDM_RS_KILLS", "5"))
TILED = ("edit", "large.tif", "Dense smoke over the forest", "-o", "out/large.tif")


@dataclass(frozen=True)
class Command:
    """share: of all kills. again: what the user asks for after a kill, None where all is done."""

    name: str
    share: float
    arguments: tuple[str, ...]
    again: Callable[[Command, Path], tuple[str, ...] | None] = lambda command, _: command.arguments

    def made(self, out: Path) -> dict[str, bytes]:
        """What must be the same: the files, but for what they say of time."""
        return {name: data for name, data in results(out).items() if not name.endswith((".json", ".jsonl"))}


def resumed(command: Command, out: Path) -> tuple[str, ...] | None:
    if (out / "m.checkpoint.safetensors").is_file():
        return (*command.arguments, "--resume")
    return None if (out / "m_loss.png").is_file() else command.arguments


COMMANDS = [
    Command("train", 0.3, ("train", "scene.png", "-o", "out/m.safetensors", "--iterations=12", "--width=8"), resumed),
    Command("edit", 0.2, ("edit", "scene.png", FIRE, "-o", "out/edit.png", "--report")),
    Command("edit of a GeoTIFF", 0.2, ("edit", "scene.tif", FIRE, "-o", "out/edit.tif")),
    Command("edit in tiles", 0.2, TILED),
    Command("batch", 0.1, ("batch", "jobs.csv", "-o", "out", "--workers=1")),
]


@pytest.fixture
def scenes(folder: Path) -> Path:
    draw_tiff(folder / "scene.tif", wood(48, 52))
    draw_tiff(folder / "large.tif", wood(64, 240))
    return folder


def afresh(scenes: Path) -> Path:
    """An empty folder for what the command makes."""
    out = scenes / "out"
    if out.exists():
        out.rename(scenes.parent / f"{time.monotonic_ns()}")
    out.mkdir()
    return out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_run_killed_at_a_random_moment_is_done_by_the_next_one_byte_for_byte(
    command: Command, scenes: Path, nursery: Nursery
) -> None:
    out = afresh(scenes)
    whole = nursery.run(scenes, *command.arguments)
    assert whole.code == 0, whole.said
    wanted, killed = command.made(out), 0
    rng = np.random.default_rng(7)
    wished = max(1, round(KILLS * command.share))
    for _ in range(3 * wished):  # some end before they are killed
        if killed == wished:
            break
        out = afresh(scenes)
        begun = nursery.begin(scenes, *command.arguments)
        time.sleep(float(rng.uniform(0.0, whole.seconds)))
        os.kill(begun.pid, signal.SIGKILL)
        killed += begun.end().code == -signal.SIGKILL
        results(out)
        again = command.again(command, out)
        if again is not None:
            ended = nursery.run(scenes, *again)
            assert ended.code == 0, ended.said
        assert command.made(out) == wanted
        assert temporaries(out) == []
    assert killed == wished
    print(f"\n{command.name}: {killed} kills, each left whole files only and was resumed to the same bytes")


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[2]], ids=lambda command: command.name)
def test_a_run_killed_before_any_change_of_a_file_is_done_by_the_next_one(
    command: Command, scenes: Path, nursery: Nursery
) -> None:
    out = afresh(scenes)
    assert nursery.run(scenes, *command.arguments).code == 0
    wanted = command.made(out)
    # Beginning, middle and end are the same few operations: each one of the first is taken, then ever fewer.
    changes = range(1, 1000) if KILLS > 5 else (2, 5, 9)
    for change in changes:
        out = afresh(scenes)
        ended = nursery.run(scenes, *command.arguments, kill_at=change)
        if ended.code == 0:
            break
        assert ended.code == -signal.SIGKILL, ended.said
        results(out)
        again = command.again(command, out)
        if again is not None:
            ended = nursery.run(scenes, *again)
            assert ended.code == 0, ended.said
        assert command.made(out) == wanted and temporaries(out) == [], change
