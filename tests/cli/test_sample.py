"""``sinddm-rs sample``: new pictures with the bands and the depth of the image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from comfyui_sinddm_rs.cli.sample import parse_size
from comfyui_sinddm_rs.errors import InputError
from PIL import Image

Run = Callable[..., Any]


def test_names_sizes_and_answer(run: Run, folder: Path, scene: np.ndarray) -> None:
    ended = run("sample", "scene.png", "-n", "2", "--size", "40x32", "--seed", "5", "-o", "new/deep")
    assert ended.code == 0
    assert ended.answer["outputs"] == [str(Path("new/deep") / f"sample_{seed}.png") for seed in (5, 6)]
    assert ended.answer["seed"] == 5 and ended.answer["model"] == "patch" and ended.answer["seconds"] > 0
    assert {path.name for path in (folder / "new/deep").iterdir()} == {"sample_5.png", "sample_6.png"}
    for path in ended.answer["outputs"]:
        with Image.open(path) as new:
            assert (new.mode, new.size) == ("RGB", (40, 32))
            assert np.abs(np.asarray(new).mean((0, 1)) - scene.mean((0, 1))).max() < 40


def test_seeds(run: Run, folder: Path) -> None:
    run("sample", "scene.png", "-n", "2", "-o", "a")
    run("sample", "scene.png", "--seed", "1", "-o", "b")
    assert (folder / "a/sample_1.png").read_bytes() == (folder / "b/sample_1.png").read_bytes()
    assert (folder / "a/sample_0.png").read_bytes() != (folder / "a/sample_1.png").read_bytes()


def test_16_bit_alpha_and_bands(run: Run, folder: Path, scene: np.ndarray) -> None:
    deep = scene.astype(np.uint16) * 257
    alpha = np.full((32, 32, 1), 9, np.uint16)
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(np.concatenate([deep, alpha], 2)))
    run("sample", "deep.png", "-o", "new")
    assert imagecodecs.png_decode((folder / "new/sample_0.png").read_bytes()).dtype == np.uint16
    assert imagecodecs.png_decode((folder / "new/sample_0.png").read_bytes()).shape == (32, 32, 3)
    four = np.concatenate([scene, scene[..., :1]], 2).astype(np.float32) * 3 - 100
    tifffile.imwrite(folder / "four.tif", four, photometric="minisblack", planarconfig="contig")
    run("sample", "four.tif", "-o", "new")
    new = tifffile.imread(folder / "new/sample_0.tif")
    assert new.shape == (32, 32, 4) and new.dtype == np.float32
    assert new.min() >= four.min() - 1e-3 and new.max() <= four.max() + 1e-3


@pytest.mark.parametrize(("text", "size"), [("64x32", (32, 64)), (" 64X32 ", (32, 64)), ("2048×2048", (2048, 2048))])
def test_a_size_is_width_and_height(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "64", "64x", "x64", "64x64x3", "64.5x64", "64 x 64", "31x64", "64x2049"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InputError):
        parse_size(text)
