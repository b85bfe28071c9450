"""The documented client of ComfyUI's API edits a folder of pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

pytest.importorskip("aiohttp", reason="the client needs aiohttp")
ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "docs" / "examples" / "api_client.py"


def client(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, CLIENT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    with Image.open(ROOT / "scenes" / "forest.png") as scene:
        scene.crop((0, 0, 96, 80)).save(folder / "one.png")
        scene.crop((100, 100, 196, 180)).convert("RGB").save(folder / "two.jpg")
    return folder


def test_a_folder_of_pictures_is_edited(comfyui: ComfyUI, pictures: Path, tmp_path: Path) -> None:
    done = client(pictures, tmp_path / "out", "--server", comfyui.address)
    assert done.returncode == 0, done.stderr
    assert "2/2 two.jpg" in done.stderr
    for source in pictures.iterdir():
        with Image.open(source) as before, Image.open(tmp_path / "out" / f"{source.stem}.png") as after:
            assert after.size == before.size
            difference = np.abs(np.asarray(after.convert("RGB"), int) - np.asarray(before.convert("RGB"), int))
        assert (difference.max(2) > 25).mean() > 0.01


def test_what_the_server_refuses_is_said(comfyui: ComfyUI, pictures: Path, tmp_path: Path) -> None:
    done = client(pictures, tmp_path / "out", "--server", comfyui.address, "--text", " ")
    assert done.returncode == 1
    assert "SinDDMEdit: The prompt is empty" in done.stderr
