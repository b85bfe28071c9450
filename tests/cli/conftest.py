"""The command, run inside the test, and a folder of tiny pictures for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.cli import main
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image


@dataclass(frozen=True)
class Ended:
    """How a run of the command ended; ``answer`` is its JSON object, empty where it has none."""

    code: int
    out: str
    err: str
    answer: dict[str, Any]


Run = Callable[..., Ended]


@pytest.fixture
def scene() -> np.ndarray:
    """A wood of 32 px: uint8 [32, 32, 3]."""
    with Image.open(scene_path("forest")) as image:
        return np.asarray(image.convert("RGB"))[100:132, 100:132].copy()


@pytest.fixture
def folder(tmp_path: Path, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with scene.png in it."""
    Image.fromarray(scene).save(tmp_path / "scene.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command; standard output must hold one JSON object when it succeeds and nothing when it does not."""

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        try:
            code = main(arguments)
        except SystemExit as left:  # as argparse ends
            assert isinstance(left.code, int)
            code = left.code
        out, err = capfd.readouterr()
        if code:
            assert out == ""
            return Ended(code, out, err, {})
        assert out.endswith("}\n") and out.count("\n") == 1, out
        return Ended(code, out, err, json.loads(out))

    return run


@pytest.fixture
def refused(run: Run, folder: Path) -> Callable[..., None]:
    """The command must refuse its arguments: one sentence that says ``word``, exit code 2, no file touched."""

    def refused(arguments: tuple[str, ...], word: str) -> None:
        before = listing(folder)
        ended = run(*arguments)
        assert ended.code == 2
        assert listing(folder) == before
        sentence = ended.err.removesuffix("\n")
        assert re.fullmatch(r"sinddm-rs[^\r\n]*: [^\r\n]*; [^\r\n]*(\.|--help)", sentence), repr(ended.err)
        assert re.search(word, sentence), sentence

    return refused


def listing(folder: Path) -> dict[str, bytes | None]:
    """All that is below a folder, with the files' content."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
