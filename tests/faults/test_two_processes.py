"""Two processes at the same files: one waits or is refused with a sentence, and no lock is left behind."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from comfyui_sinddm_rs.guidance.clip.download import fetch
from comfyui_sinddm_rs.guidance.clip.presets import PRESETS
from comfyui_sinddm_rs.guidance.prompting.cache import CacheKey, read_cached, write_cached
from comfyui_sinddm_rs.rasters.locks import LOCK, acquire, release
from comfyui_sinddm_rs.rasters.temporary import sweep
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from .conftest import FIRE, Nursery, draw_tiff, results, temporaries, wood

CONTENT = hashlib.sha256(b"weights").digest() * (2**20 // 32)
FILE = "/chendelong/RemoteCLIP/resolve/main/RemoteCLIP-RN50.pt"


@pytest.fixture
def scenes(folder: Path) -> Path:
    draw_tiff(folder / "large.tif", wood(64, 200))
    (folder / "plan.csv").write_text(f"scene,prompt\nscene.png,{FIRE}\n")
    return folder


@pytest.mark.parametrize(
    ("arguments", "busy"),
    [
        (("train", "scene.png", "-o", "out/m.safetensors", "--iterations=200", "--width=8"), "Another training"),
        (("edit", "large.tif", "Dense smoke over the forest", "-o", "out/large.tif"), "Another edit"),
        (("batch", "jobs.csv", "-o", "out", "--workers=1"), "Another batch"),
        (("evaluate", "-o", "out", "--seeds=1"), "Another evaluation"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_second_run_at_one_output_is_refused_and_one_that_was_killed_does_not_block(
    arguments: tuple[str, ...], busy: str, scenes: Path, nursery: Nursery
) -> None:
    out = scenes / "out"
    out.mkdir()
    first = nursery.begin(scenes, *arguments)
    until(lambda: is_held(out))
    second = nursery.run(scenes, *arguments)
    assert second.code == 2 and second.sentences[-1].startswith(f"sinddm-rs: {busy} is writing "), second.said
    assert second.sentences[-1].count("; ") == 1 and second.sentences[-1].endswith(".")
    os.kill(first.pid, signal.SIGKILL)
    assert first.end().code == -signal.SIGKILL
    results_or_pages(out)
    third = nursery.begin(scenes, *arguments)
    until(lambda: is_held(out))
    os.kill(third.pid, signal.SIGKILL)
    assert "Another" not in third.end().said
    sweep(out)
    assert [path for path in temporaries(out) if not path.name.endswith(".tiles") and path.parent == out] == []


def is_held(out: Path) -> bool:
    """Whether a lock in a folder is held by a process that lives."""
    for path in out.glob(f"{LOCK}*"):
        lock = acquire(path)
        if lock is None:
            return True
        release(lock)
    return False


def results_or_pages(out: Path) -> None:
    """Every file is whole; an evaluation's pages are never written before its end."""
    assert not list(out.glob("*.html"))
    results(out)


def until(there: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not there():
        assert time.monotonic() < limit
        time.sleep(0.002)


@pytest.fixture
def hub() -> Iterator[HTTPServer]:
    """Answers both at once: one that lets the second wait would stand for the lock."""
    with HTTPServer(threaded=True) as server:
        yield server


def get(folder: Path, endpoint: str) -> None:
    fetch(PRESETS["remoteclip-RN50"], folder, endpoint=endpoint)


@pytest.mark.parametrize("killed", [False, True])
def test_of_two_that_fetch_one_file_the_second_waits_and_finds_it(
    hub: HTTPServer, tmp_path: Path, killed: bool
) -> None:
    digest, asked = hashlib.sha256(CONTENT).hexdigest(), list[str | None]()

    def point(_: Request) -> Response:
        linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(CONTENT)), "X-Repo-Commit": "0" * 40}
        return Response(status=302, headers={"Location": f"http://127.0.0.1:{hub.port}/cdn"} | linked)

    def give(request: Request) -> Response:
        asked.append(request.headers.get("Range"))
        time.sleep(0.5)
        return Response(CONTENT)

    hub.expect_request(FILE).respond_with_handler(point)
    hub.expect_request("/cdn").respond_with_handler(give)
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=get, args=(tmp_path, f"http://localhost:{hub.port}")) for _ in range(2)]
    both[0].start()
    until(lambda: len(asked) == 1)
    both[1].start()
    if killed:
        time.sleep(0.1)
        both[0].kill()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [-signal.SIGKILL if killed else 0, 0]
    assert len(asked) == (2 if killed else 1)
    assert [path.name for path in tmp_path.iterdir()] == ["RemoteCLIP-RN50.pt"]
    assert (tmp_path / "RemoteCLIP-RN50.pt").read_bytes() == CONTENT


def keep_prompts(folder: Path, key: CacheKey, word: str) -> None:
    for _ in range(40):
        write_cached(folder, key, [word * 2000])


def test_two_that_keep_the_same_prompts_leave_those_of_one(tmp_path: Path) -> None:
    key = CacheKey("the bridge is collapsed", 1, "m", "1")
    write_cached(tmp_path, key, ["first"])
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=keep_prompts, args=(tmp_path, key, word)) for word in "ab"]
    for process in both:
        process.start()
    while any(process.is_alive() for process in both):
        assert read_cached(tmp_path, key) in (["first"], ["a" * 2000], ["b" * 2000])
    assert [process.exitcode for process in both] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == [key.file_name]
