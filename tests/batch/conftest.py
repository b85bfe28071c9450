"""Tiny pictures, and an engine inside the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from comfyui_sinddm_rs.batch.jobs import Job
from comfyui_sinddm_rs.batch.run_job import Outcome, Outcomes, run_job
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image

TEXT = "A fire in the forest"


class Here:
    """An engine without processes. began: names of the jobs it was given."""

    def __init__(self, do: Callable[[Job, EditSettings, Path], Outcome] = run_job) -> None:
        self.do = do
        self.began: list[str] = []

    def outcomes(self, jobs: Sequence[Job], settings: EditSettings, folder: Path) -> Outcomes:
        for job in jobs:
            self.began.append(job.name)
            yield self.do(job, settings, folder)


@pytest.fixture
def here() -> Here:
    return Here()


@pytest.fixture
def forest() -> np.ndarray:
    """A wood of 32 px: uint8 [32, 32, 3]."""
    with Image.open(scene_path("forest")) as image:
        return np.asarray(image.convert("RGB"))[100:132, 100:132].copy()


@pytest.fixture
def scenes(tmp_path: Path, forest: np.ndarray) -> Path:
    """A folder with wood.png."""
    Image.fromarray(forest).save(tmp_path / "wood.png")
    return tmp_path


@pytest.fixture
def job(scenes: Path) -> Job:
    return Job("train_000001_wood_s0", "wood.png", TEXT, 0, "6,6,18,18", scenes)


def all_files(folder: Path) -> dict[str, bytes]:
    """All pictures below a batch's folder, by their path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for kind in ("A", "B", "label")
        for path in sorted((folder / kind).iterdir())
    }


@pytest.fixture
def pictures() -> Callable[[Path], dict[str, bytes]]:
    return all_files
