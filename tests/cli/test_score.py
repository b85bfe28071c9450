"""``sinddm-rs score``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.guidance.scores import score_edit
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.regions import read_roi
from PIL import Image

TEXT = "A fire in the forest"
KEYS = [
    "text",
    "guide",
    "clip_score",
    "clip_score_region",
    "clip_score_source",
    "directional",
    "psnr_outside",
    "ssim_outside",
    "exact_outside",
    "structure_distance_outside",
    "patch_swd",
    "changed_share",
    "warnings",
    "seconds",
]
Run = Callable[..., Any]


@pytest.fixture
def edited(folder: Path, scene: np.ndarray) -> np.ndarray:
    """edited.png: the scene with a red square at 4,6 of 10×12 px, and its mask.png."""
    picture, mask = scene.copy(), np.zeros((32, 32), np.uint8)
    picture[6:18, 4:14], mask[6:18, 4:14] = (200, 40, 20), 255
    Image.fromarray(picture).save(folder / "edited.png")
    Image.fromarray(mask).save(folder / "mask.png")
    return picture


@pytest.mark.usefixtures("edited")
def test_an_image_alone(run: Run) -> None:
    ended = run("score", "edited.png", TEXT)
    assert list(ended.answer) == KEYS
    expected = score_edit(read_raster("edited.png").pixels, TEXT, guide=load_guide("compact"))
    assert ended.answer["clip_score"] == pytest.approx(expected.clip_score, abs=1e-3)
    assert {key for key, value in ended.answer.items() if value is None} == set(KEYS[3:-2])
    assert ended.answer["warnings"] == list(expected.warnings)
    assert ended.err == f"sinddm-rs: {expected.warnings[0]}\n"


@pytest.mark.usefixtures("edited")
@pytest.mark.parametrize("mask", ["mask.png", "4,6,10,12"])
def test_beside_its_source(run: Run, mask: str) -> None:
    ended = run("score", "edited.png", TEXT, "--source", "scene.png", "--mask", mask, "--guided-by", "remoteclip-RN50")
    answer = ended.answer
    assert list(answer) == KEYS and ended.err == "" and answer["warnings"] == []
    assert (answer["exact_outside"], answer["psnr_outside"], answer["ssim_outside"]) == (True, None, 1.0)
    assert answer["changed_share"] == pytest.approx(120 / 1024, abs=1e-4)
    pixels = {name: read_raster(f"{name}.png").pixels for name in ("edited", "scene")}
    expected = score_edit(
        pixels["edited"],
        TEXT,
        guide=load_guide("compact"),
        source=pixels["scene"],
        mask=read_roi(mask, (32, 32)),
        guided_by="remoteclip-RN50",
    ).summary()
    assert {**answer, "seconds": 0} == {**expected, "seconds": 0}
    assert all(answer[key] is not None for key in KEYS if key != "psnr_outside")


@pytest.mark.usefixtures("edited")
def test_without_a_mask_the_region_is_what_differs(run: Run) -> None:
    masked = run("score", "edited.png", TEXT, "--source", "scene.png", "--mask", "mask.png").answer
    unmasked = run("score", "edited.png", TEXT, "--source", "scene.png").answer
    same = ("clip_score_region", "exact_outside", "changed_share", "directional")
    assert [masked[key] for key in same] == [unmasked[key] for key in same]
    assert len(unmasked["warnings"]) == len(masked["warnings"]) + 1


@pytest.mark.usefixtures("edited")
def test_words_of_ones_own(run: Run, folder: Path) -> None:
    (folder / "list.txt").write_text("burning trees\nflames and smoke:2\n")
    pair = ("score", "edited.png", TEXT, "--source", "scene.png")
    written = run(*pair).answer
    listed = run(*pair, "--prompts", "list.txt").answer
    described = run(*pair, "--source-text", "a dense forest").answer
    assert listed["clip_score"] != written["clip_score"] == described["clip_score"]
    assert described["directional"] != written["directional"]
    assert listed["text"] == TEXT


def test_an_edit_is_read_in_the_values_of_its_source(run: Run, folder: Path) -> None:
    source = np.random.default_rng(0).normal(200.0, 50.0, (40, 40)).astype(np.float32)
    source[10, 10] = 900.0  # the largest value, which the edit takes away
    edited = source.copy()
    edited[4:20, 4:20] = 200.0
    for name, values in (("source.tif", source), ("edited.tif", edited)):
        tifffile.imwrite(folder / name, values)
    answer = run("score", "edited.tif", TEXT, "--source", "source.tif", "--mask", "4,4,16,16").answer
    assert answer["exact_outside"] is True
    assert answer["changed_share"] == 16 * 16 / 1600


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("scene.png", " "), "prompt is empty"),
        (("missing.png", TEXT), "missing.png"),
        (("scene.png", TEXT, "--source", "missing.png"), "missing.png"),
        (("scene.png", TEXT, "--source", "small.png"), "32×32.*33×40"),
        (("scene.png", TEXT, "--source", "grey.png"), "1 bands"),
        (("scene.png", TEXT, "--mask", "0,0,32,40"), "off the picture"),
        (("scene.png", TEXT, "--mask", "small.png"), "33×40"),
        (("scene.png", TEXT, "--guide", "nobody"), "no guide 'nobody'"),
        (("scene.png", TEXT, "--device", "abacus"), "abacus"),
        (("scene.png", TEXT, "--prompts", "missing.txt"), "missing.txt"),
        (("scene.png",), "TEXT"),
    ],
)
def test_refused(
    refused: Callable[..., None], folder: Path, scene: np.ndarray, arguments: tuple[str, ...], word: str
) -> None:
    Image.fromarray(scene).resize((33, 40)).save(folder / "small.png")
    Image.fromarray(scene[..., 0]).save(folder / "grey.png")
    refused(("score", *arguments), word)
