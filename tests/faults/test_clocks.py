"""A clock that is set back or forward meanwhile changes nothing: durations come from one that only runs."""

from __future__ import annotations

import ast
import itertools
import time
from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.prompting.cache import CacheKey, read_cached, write_cached
from comfyui_sinddm_rs.guidance.results import Progress
from comfyui_sinddm_rs.rasters.files import write_bytes
from comfyui_sinddm_rs.rasters.locks import alone
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings

from .conftest import FIRE, wood

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("rasters", "sinddm", "guidance", "geo", "nodes", "evaluation", "batch", "cli")
OF_THE_WALL = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.datetime.now",
    "datetime.utcnow",
    "time.localtime",
}


@pytest.fixture(params=[-1, 1], ids=["back", "forward"])
def jumping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall's clock jumps by a day each time it is read."""
    jumps = itertools.count(1)
    begun = time.time()
    monkeypatch.setattr(time, "time", lambda: begun + request.param * 86_400.0 * next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * time.time()))


def picture() -> torch.Tensor:
    return torch.from_numpy(wood(48, 48)).permute(2, 0, 1).float() / 255.0


def test_no_duration_is_measured_by_the_clock_on_the_wall() -> None:
    read = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node.func)}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in OF_THE_WALL
    ]
    assert read == []


@pytest.mark.usefixtures("jumping")
def test_a_time_budget_is_kept() -> None:
    begun = time.perf_counter()
    training = Training(picture() * 2.0 - 1.0, TrainSettings(time_budget=0.5, width=8))
    steps = list(training.run())
    assert steps and 0.5 <= training.seconds < 0.5 + time.perf_counter() - begun
    assert all(0 <= step.remaining < 60 for step in steps)


@pytest.mark.usefixtures("jumping")
def test_progress_and_seconds_of_an_edit_stay_true() -> None:
    told: list[Progress] = []
    begun = time.perf_counter()
    result = edit_image(picture(), FIRE, progress=told.append)
    assert 0 < result.seconds <= time.perf_counter() - begun
    shares = [each.share for each in told]
    assert shares == sorted(shares) and shares[-1] == 1.0


@pytest.mark.usefixtures("jumping")
def test_caches_locks_and_files_work(tmp_path: Path) -> None:
    key = CacheKey("a fire", 1, "m", "1")
    write_cached(tmp_path, key, ["flames"])
    assert read_cached(tmp_path, key) == ["flames"]
    with alone(tmp_path, "never"):
        write_bytes(tmp_path / "a.png", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {key.file_name, "a.png"}
