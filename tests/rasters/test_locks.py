"""One process at a time; no lock outlives its work or its process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest
from comfyui_sinddm_rs.errors import OutputError
from comfyui_sinddm_rs.rasters import locks
from comfyui_sinddm_rs.rasters.locks import alone, in_turn


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.05)


def hold(place: Path, held: object) -> None:
    with alone(place, "busy"):
        held.set()  # type: ignore[attr-defined]
        signal.pause()


@pytest.mark.parametrize("name", ["m.safetensors", ""])
def test_the_second_is_told_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    with alone(place, "It is busy; wait."):
        with pytest.raises(OutputError, match=r"^It is busy; wait\.$"), alone(place, "It is busy; wait."):
            raise AssertionError("both are in")
        with alone(tmp_path / "another", "never"):
            pass
    assert list(tmp_path.iterdir()) == []
    with alone(place, "never"):
        pass


def test_who_waits_comes_next_and_is_told_once(tmp_path: Path) -> None:
    order: list[str] = []
    second = threading.Thread(target=lambda: take("second"))

    def take(name: str) -> None:
        with in_turn(tmp_path / "a", lambda: order.append("waits")):
            order.append(name)

    with in_turn(tmp_path / "a"):
        second.start()
        second.join(0.3)
        order.append("first")
    second.join()
    assert order == ["waits", "first", "second"] and list(tmp_path.iterdir()) == []


def test_a_killed_process_blocks_nobody(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    process = context.Process(target=hold, args=(tmp_path, held))
    process.start()
    assert held.wait(30)
    with pytest.raises(OutputError, match="busy"), alone(tmp_path, "busy"):
        pass
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert list(tmp_path.iterdir()) != []
    with alone(tmp_path, "never"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_was_taken_away_meanwhile_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, asked = locks.FileLock.acquire, []

    def acquire(lock: locks.FileLock) -> None:
        ask(lock)
        asked.append(lock)
        if len(asked) == 1:
            Path(lock.lock_file).unlink()

    monkeypatch.setattr(locks.FileLock, "acquire", acquire)
    with alone(tmp_path / "a", "never"):
        assert len(asked) == 2 and not asked[0].is_locked and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("folder", ["file", "/proc"])
def test_a_place_that_cannot_be_locked_is_not_called_busy(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    for block in (alone, in_turn):
        with (
            pytest.raises(OutputError, match=r"cannot be written \([^)]+\); choose"),
            block(tmp_path / folder / "a", "busy"),  # type: ignore[operator]
        ):
            pass
