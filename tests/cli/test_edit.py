"""``sinddm-rs edit`` keeps what it promises about files, seeds and the rest of the picture."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from comfyui_sinddm_rs.cli import edit as module
from comfyui_sinddm_rs.rasters import files
from PIL import Image, ImageOps

TEXT = "A fire in the forest"
REGION = "8,10,14,12"
INSIDE = np.zeros((32, 32), bool)
INSIDE[10:22, 8:22] = True

Run = Callable[..., Any]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_answer_and_the_file(run: Run, folder: Path, scene: np.ndarray) -> None:
    ended = run("edit", "scene.png", TEXT, "-o", "out.png", "--seed", "3")
    answer = ended.answer
    assert next(iter(answer)) == "output" and answer["output"] == "out.png"
    assert answer["seed"] == 3 and answer["guide"] == "compact" and answer["model"] == "patch"
    assert answer["seconds"] > 0
    assert all(math.isfinite(answer[name]) for name in ("score_before", "score_after"))
    assert answer["score_after"] > answer["score_before"]
    assert 0 < answer["changed_share"] <= 1
    assert answer["exemplars"] == ["fire"] and answer["warnings"] == []
    assert "Traceback" not in ended.err
    assert names(folder) == {"scene.png", "out.png"}
    with Image.open("out.png") as out:
        assert (out.mode, out.size) == ("RGB", (32, 32))
        assert (np.asarray(out) != scene).any()
    with Image.open("scene.png") as source:
        assert (np.asarray(source) == scene).all()


def test_which_prompts_steer(run: Run, folder: Path) -> None:
    plain = run("edit", "scene.png", TEXT, "-o", "a.png")
    assert plain.answer["prompts"][0] == TEXT and len(plain.answer["prompts"]) > 1
    assert "prompt '" not in plain.err
    (folder / "mine.txt").write_text("a blaze:2\nsmoke over trees\n")
    ended = run("edit", "scene.png", TEXT, "-o", "b.png", "--prompts", "mine.txt", "--show-prompts")
    assert ended.answer["prompts"] == ["a blaze", "smoke over trees"]
    assert "prompt 'a blaze', weight 2" in ended.err
    assert run("edit", "scene.png", TEXT, "-o", "c.png", "--prompts", "none").answer["prompts"] == [TEXT]
    assert (folder / "a.png").read_bytes() != (folder / "c.png").read_bytes()


def test_a_language_model_without_a_key(run: Run, refused: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("SINDDM_RS_CACHE", "")
    answer = run("edit", "scene.png", TEXT, "-o", "a.png", "--prompts", "llm").answer
    assert len(answer["warnings"]) == 1 and "OPENAI_API_KEY" in answer["warnings"][0]
    refused(("edit", "scene.png", TEXT, "-o", "b.png", "--llm", "required"), "OPENAI_API_KEY")


@pytest.mark.usefixtures("folder")
def test_the_papers_preset(run: Run) -> None:
    answer = run("edit", "scene.png", TEXT, "-o", "a.png", "--preset", "paper").answer
    assert answer["exemplars"] == [] and answer["painted"] is None


@pytest.mark.usefixtures("folder")
def test_a_text_that_cannot_be_drawn_says_its_colour(run: Run) -> None:
    answer = run("edit", "scene.png", "covered with purple flowers", "-o", "a.png").answer
    assert answer["exemplars"] == [] and answer["painted"].startswith("#")


def test_seeds(run: Run, folder: Path) -> None:
    first = run("edit", "scene.png", TEXT, "-o", "a.png", "--seed", "5").answer
    again = run("edit", "scene.png", TEXT, "-o", "b.png", "--seed", "5").answer
    run("edit", "scene.png", TEXT, "-o", "c.png", "--seed", "6")
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()
    assert {**first, "seconds": 0, "output": ""} == {**again, "seconds": 0, "output": ""}
    with Image.open("a.png") as a, Image.open("c.png") as c:
        assert (np.asarray(a) != np.asarray(c)).any()


@pytest.mark.parametrize("channels", [1, 2, 3, 4], ids=["grey", "grey with alpha", "RGB", "RGBA"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_keeps_mode_depth_alpha_and_the_outside(
    run: Run, folder: Path, scene: np.ndarray, channels: int, dtype: type
) -> None:
    alpha = np.random.default_rng(0).integers(1, 256, (32, 32, 1))
    colours = scene if channels > 2 else scene[..., 1:2]
    values = (np.concatenate([colours, alpha], 2) if channels in (2, 4) else colours).astype(dtype)
    if dtype == np.uint16:
        values = values * np.uint16(256) + np.random.default_rng(1).integers(256, size=values.shape, dtype=np.uint16)
    (folder / "in.png").write_bytes(imagecodecs.png_encode(values.squeeze()))
    answer = run("edit", "in.png", TEXT, "-o", "out.png", "--roi", REGION).answer
    out = np.atleast_3d(imagecodecs.png_decode((folder / "out.png").read_bytes()))
    assert out.dtype == dtype and out.shape == values.shape
    assert (out[~INSIDE] == values[~INSIDE]).all()
    if channels in (2, 4):
        assert (out[..., -1] == values[..., -1]).all()
    assert answer["changed_share"] <= INSIDE.mean()
    assert (out[INSIDE] != values[INSIDE]).any()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_tiff_is_bit_identical_outside_the_region(run: Run, scene: np.ndarray, folder: Path, dtype: str) -> None:
    values = scene.astype(dtype)
    if dtype == "uint16":
        values *= 181
    elif dtype.startswith("float"):
        values = values * values.dtype.type(math.pi) - values.dtype.type(123.4)
    tifffile.imwrite(folder / "in.tif", values, photometric="rgb")
    Image.fromarray(INSIDE).convert("L").save(folder / "mask.png")
    run("edit", "in.tif", TEXT, "-o", "out.tif", "--roi", "mask.png")
    out = tifffile.imread(folder / "out.tif")
    assert out.dtype == dtype
    assert out[~INSIDE].tobytes() == values[~INSIDE].tobytes()
    assert (out[INSIDE] != values[INSIDE]).any()


def test_a_turned_jpeg_comes_out_upright(run: Run, scene: np.ndarray, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(np.hstack([scene, scene[:, :8]])).save(folder / "in.jpg", quality=100, exif=exif)
    run("edit", "in.jpg", TEXT, "-o", "out.png", "--roi", "8,24,14,12")
    with Image.open("in.jpg") as source, Image.open("out.png") as out:
        upright = np.asarray(ImageOps.exif_transpose(source))
        assert out.size == (32, 40) and out.getexif().get(0x0112, 1) == 1
        changed = (np.asarray(out) != upright).any(2)
    assert changed[24:36, 8:22].any()
    changed[24:36, 8:22] = False
    assert not changed.any()


def test_jpeg_output_and_an_existing_file(run: Run, folder: Path) -> None:
    (folder / "out.jpg").write_bytes(b"from before")
    run("edit", "scene.png", TEXT, "-o", "out.jpg", "--roi", REGION)
    assert names(folder) == {"scene.png", "out.jpg"}
    with Image.open("out.jpg") as out:
        assert out.format == "JPEG" and out.size == (32, 32)


def test_all_candidates_are_written_and_the_best_kept(run: Run, folder: Path) -> None:
    options = ("--seed", "4", "--candidates", "2", "--all", "--roi", REGION)
    answer = run("edit", "scene.png", TEXT, "-o", "out.png", *options).answer
    assert answer["candidates"] == ["out_seed4.png", "out_seed5.png"]
    assert names(folder) == {"scene.png", "out.png", *answer["candidates"]}
    first, second = ((folder / name).read_bytes() for name in answer["candidates"])
    assert first != second
    assert (folder / "out.png").read_bytes() == {4: first, 5: second}[answer["seed"]]
    alone = run("edit", "scene.png", TEXT, "-o", "alone.png", "--seed", "5", "--roi", REGION).answer
    assert (folder / "alone.png").read_bytes() == second
    assert answer["score_after"] >= alone["score_after"]


def test_the_change_mask_marks_what_changed(run: Run, refused: Run, folder: Path, scene: np.ndarray) -> None:
    arguments = ("edit", "scene.png", TEXT, "-o", "out.png", "--roi", REGION)
    refused((*arguments, "--mask-out", "mask.jpg"), r"end in \.png")
    refused((*arguments, "--mask-out", "scene.png"), "scene.png")
    refused((*arguments, "--mask-out", "out.png"), "out.png")
    assert run(*arguments, "--mask-out", "mask.png").answer["mask"] == "mask.png"
    assert names(folder) == {"scene.png", "out.png", "mask.png"}
    with Image.open("mask.png") as mask, Image.open("out.png") as out:
        assert (mask.mode, mask.size) == ("L", (32, 32))
        marked, differs = np.asarray(mask), (np.asarray(out) != scene).any(-1)
    assert set(np.unique(marked)) == {0, 255}
    assert not marked[~INSIDE].any() and differs[marked == 255].mean() > 0.9


def test_the_report_shows_source_and_edit(run: Run, folder: Path, scene: np.ndarray) -> None:
    answer = run("edit", "scene.png", TEXT, "-o", "out.tif", "--report", "--roi", REGION).answer
    assert answer["report"] == "out_report.png"
    assert names(folder) == {"scene.png", "out.tif", "out_report.png"}
    with Image.open("out_report.png") as report:
        sheet = np.asarray(report)
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    assert (sheet[-32:, :32] == scene).all()
    assert (sheet[-32:, 36:68] == tifffile.imread(folder / "out.tif")).all()


def test_exemplars(run: Run, folder: Path, scene: np.ndarray) -> None:
    flames = np.random.default_rng(0).integers((200, 80, 0), (256, 160, 40), (40, 44, 3)).astype(np.uint8)
    Image.fromarray(flames).save(folder / "flames.png")
    none = ("--exemplars", "none", "--strength", "3", "--roi", REGION)
    without = run("edit", "scene.png", TEXT, "-o", "without.png", *none).answer
    given = run("edit", "scene.png", TEXT, "-o", "given.png", *none, "--exemplar", "flames.png").answer
    both = run("edit", "scene.png", TEXT, "-o", "both.png", "--roi", REGION, "--exemplar", "flames.png").answer
    assert without["exemplars"] == given["exemplars"] == [] and both["exemplars"] == ["fire"]
    with Image.open("without.png") as a, Image.open("given.png") as b:
        kept, used = np.asarray(a).astype(int), np.asarray(b).astype(int)
    assert (used[~INSIDE] == scene[~INSIDE]).all()
    assert (used[INSIDE] != kept[INSIDE]).any()


@pytest.mark.usefixtures("folder")
def test_foreign_words_are_warned_of(run: Run) -> None:
    ended = run("edit", "scene.png", "zxqv blorft wibble", "-o", "out.png", "--roi", REGION)
    assert ended.code == 0
    warnings = [line for line in ended.err.splitlines() if "sinddm-rs: " in line]
    assert any("hardly knows" in line and "zxqv blorft wibble" in line for line in warnings)
    assert any("zxqv" in warning for warning in ended.answer["warnings"])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "prompt", ["  A fire\n in the   forest ", "火灾 🔥 в лесу", "fire; rm -rf ~ \"'$(ls)", "x" * 5000]
)
def test_any_text_is_a_prompt(run: Run, prompt: str) -> None:
    assert run("edit", "scene.png", prompt, "-o", "out.png", "--roi", REGION).code == 0


@pytest.mark.usefixtures("folder")
def test_strength_0_changes_nothing(run: Run, scene: np.ndarray) -> None:
    answer = run("edit", "scene.png", TEXT, "-o", "out.png", "--strength", "0", "--roi", REGION).answer
    assert answer["changed_share"] == 0
    with Image.open("out.png") as out:
        assert (np.asarray(out) == scene).all()


@pytest.mark.usefixtures("folder")
def test_strength_0_draws_nothing(run: Run) -> None:
    answer = run("edit", "scene.png", TEXT, "-o", "out.png", "--strength", "0", "--roi", REGION).answer
    assert answer["exemplars"] == []


def test_names_that_need_care(run: Run, folder: Path) -> None:
    (folder / "scene.png").rename(folder / "Szene ä 1.5.png")
    answer = run("edit", "Szene ä 1.5.png", TEXT, "-o", "Bild ü 0.1.png", "--report", "--roi", REGION).answer
    assert answer["output"] == "Bild ü 0.1.png" and answer["report"] == "Bild ü 0.1_report.png"
    assert names(folder) == {"Szene ä 1.5.png", answer["output"], answer["report"]}
    assert json.dumps(answer).isascii()


@pytest.mark.skipif(os.name == "nt", reason="Windows limits whole paths")
def test_the_longest_name_is_written(run: Run, folder: Path) -> None:
    name = "a" * (os.pathconf(folder, "PC_NAME_MAX") - 4) + ".png"
    assert run("edit", "scene.png", TEXT, "-o", name, "--roi", REGION).code == 0
    assert names(folder) == {"scene.png", name}


def interrupted(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


def test_interrupted_while_editing(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "edit_document", interrupted)
    ended = run("edit", "scene.png", TEXT, "-o", "out.png", "--report", "--all")
    assert ended.code == 130 and "interrupted" in ended.err and "Traceback" not in ended.err
    assert names(folder) == {"scene.png"}


def test_interrupted_while_writing(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(type(Path())):  # type: ignore[misc]
        replace = interrupted

    monkeypatch.setattr(files, "Path", Stopped)
    assert run("edit", "scene.png", TEXT, "-o", "out.png", "--roi", REGION).code == 130
    assert names(folder) == {"scene.png"}
