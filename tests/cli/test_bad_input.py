"""Whatever is wrong with the input, the user reads one sentence and no file is touched."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from comfyui_sinddm_rs.cli import edit as module
from comfyui_sinddm_rs.rasters import files
from PIL import Image

TEXT = "A fire in the forest"
LONG_NAME = "a" * 300

Refused = Callable[[tuple[str, ...], str], None]


def edit(*more: str, image: str = "scene.png", prompt: str = TEXT, output: str = "out.png") -> tuple[str, ...]:
    return ("edit", image, prompt, "-o", output, *more)


@pytest.fixture
def bad(folder: Path, scene: np.ndarray) -> Path:
    """The current folder, with one file of each kind that cannot be used."""
    whole = Image.fromarray(scene)
    wide = np.random.default_rng(0).integers(256, size=(32, 3000), dtype=np.uint8)
    pictures = {
        "small.png": whole.crop((0, 0, 32, 31)),
        "plain.png": Image.new("RGB", (40, 40), (10, 90, 20)),
        "wide.png": Image.fromarray(wide),
        "rgba.png": whole.convert("RGBA"),
        "mask_33.png": Image.new("L", (33, 32), 255),
        "mask_empty.png": Image.new("L", (32, 32), 0),
        "mask_full.png": Image.new("L", (32, 32), 255),
    }
    for name, picture in pictures.items():
        picture.save(folder / name)
    whole.save(folder / "whole.jpg")
    for source, name in (("scene.png", "truncated.png"), ("whole.jpg", "truncated.jpg")):
        data = (folder / source).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("This is a text, not a picture.")
    (folder / "folder").mkdir()
    depth = scene[..., 0].astype(np.float32) / 255
    tifffile.imwrite(folder / "float.tif", depth)
    depth[3, 4] = np.nan
    tifffile.imwrite(folder / "nan.tif", depth)
    bomb = bytearray((folder / "scene.png").read_bytes())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    (folder / "bomb.png").write_bytes(bomb)
    return folder


IMAGES = {
    "missing.png": "does not exist",
    "folder": "is a folder",
    "empty.png": "is empty",
    "text.png": "not a PNG, JPEG, WebP or TIFF",
    "truncated.png": "damaged or incomplete",
    "truncated.jpg": "damaged or incomplete",
    "small.png": "below the 32 px",
    "plain.png": "one colour",
    "wide.png": r"above the 2,?048 px",
    "nan.tif": "NaN",
    "bomb.png": "far more pixels",
    "scene.png/scene.png": "scene.png",
    f"{LONG_NAME}.png": "aaa",
}

EDITS = {
    "mask missing": (edit("--roi", "missing.png"), "missing.png does not exist"),
    "mask of another size": (edit("--roi", "mask_33.png"), "33×32 px, not 32×32"),
    "mask empty": (edit("--roi", "mask_empty.png"), "selects nothing"),
    "mask covers everything": (edit("--roi", "mask_full.png"), "covers the whole"),
    "mask is text": (edit("--roi", "text.png"), "text.png is not a PNG"),
    "rectangle right of the image": (edit("--roi", "20,0,13,5"), "off the picture"),
    "rectangle left of the image": (edit("--roi=-1,0,5,5"), "off the picture"),
    "rectangle without area": (edit("--roi", "1,1,0,5"), "no area"),
    "rectangle is everything": (edit("--roi", "0,0,32,32"), "covers the whole"),
    "rectangle of three numbers": (edit("--roi", "1,2,3"), "not x,y,w,h"),
    "rectangle with fractions": (edit("--roi", "1.5,2,3,4"), "not x,y,w,h"),
    "region of words": (edit("--roi", "top left"), "top left"),
    "region of a long text": (edit("--roi", "[[0, 1], [2, 3]]" * 100), r"\[\[0, 1\]"),
    "prompt empty": (edit(prompt=""), "prompt is empty"),
    "prompt of blanks": (edit(prompt=" \t\n "), "prompt is empty"),
    "prompt of 2000 words": (edit(prompt="fire " * 2000), "2,000 words"),
    "prompt is no Unicode": (edit(prompt="\udcff fire"), "prompt"),
    "suffix unknown": (edit(output="out.bmp"), "name end in"),
    "suffix missing": (edit(output="out"), "name end in"),
    "output empty": (edit(output=""), "name end in"),
    "output is a folder": (edit(output="folder"), "name end in|is a folder"),
    "output folder missing": (edit(output="no/such/out.png"), "no/such does not exist"),
    "output below a file": (edit(output="scene.png/out.png"), "scene.png/out.png"),
    "output name too long": (edit(output=f"{LONG_NAME}.png"), "aaa"),
    "output is the source": (edit(output="scene.png"), "source itself"),
    "output is the source, spelt differently": (edit(output="folder/../scene.png"), "source itself"),
    "output cannot hold alpha": (edit(image="rgba.png", output="out.jpg"), "transparency"),
    "output cannot hold floats": (edit(image="float.tif"), "float32"),
    "exemplar missing": (edit("--exemplar", "missing.png"), "missing.png does not exist"),
    "exemplar of one colour": (edit("--exemplar", "plain.png"), "one colour"),
    "device unknown": (edit("--device", "foo"), "device 'foo'"),
    "device without a driver": (edit("--device", "cuda:99"), "device 'cuda:99'"),
    "device that torch lacks here": (edit("--device", "hpu"), "device 'hpu'"),
    "device without memory": (edit("--device", "meta"), "device 'meta'"),
    "strength above": (edit("--strength", "3.1"), "outside 0…3"),
    "strength below": (edit("--strength", "-0.1"), "outside 0…3"),
    "strength not a number": (edit("--strength", "nan"), "outside 0…3"),
    "strength a word": (edit("--strength", "much"), "--strength"),
    "candidates 0": (edit("--candidates", "0"), "0 candidates"),
    "candidates 65": (edit("--candidates", "65"), "65 candidates"),
    "seed negative": (edit("--seed", "-1"), "seed -1"),
    "seed too large": (edit("--seed", str(2**63)), "seed 9223372036854775808"),
    "guide unknown": (edit("--guide", "nobody"), "nobody"),
    "exemplars unknown": (edit("--exemplars", "some"), "some"),
    "option unknown": (edit("--colour"), "--colour"),
    "output not said": (("edit", "scene.png", TEXT), "-o"),
    "prompt not said": (("edit", "scene.png", "-o", "out.png"), "PROMPT"),
}


def sample(*more: str, output: str = "new") -> tuple[str, ...]:
    return ("sample", "scene.png", "-o", output, *more)


OTHERS = {
    "no command": ((), "COMMAND"),
    "command unknown": (("paint", "scene.png"), "paint"),
    "sample 0": (sample("-n", "0"), "0 samples"),
    "sample 1001": (sample("-n", "1001"), "1001 samples"),
    "sample of nothing": (sample("--size", "0x0"), "below the 32 px"),
    "sample of 10x10": (sample("--size", "10x10"), "10×10 px, below the 32 px"),
    "sample of 3000x32": (sample("--size", "3000x32"), r"above the 2,?048 px"),
    "sample of foo": (sample("--size", "foo"), "'foo' is not WxH"),
    "sample of -40x40": (sample("--size=-40x40"), "'-40x40' is not WxH"),
    "sample seed negative": (sample("--seed", "-1"), "seed -1"),
    "sample device unknown": (sample("--device", "foo"), "device 'foo'"),
    "sample device without memory": (sample("--device", "meta"), "device 'meta'"),
    "sample into a file": (sample(output="scene.png"), "scene.png"),
    "sample below a file": (sample(output="scene.png/new"), "scene.png/new"),
    "sample of text": (("sample", "text.png", "-o", "new"), "text.png is not a PNG"),
    "demo into a file": (("demo", "-o", "scene.png"), "scene.png"),
    "demo seed negative": (("demo", "--seed", "-1"), "seed -1"),
    "demo device unknown": (("demo", "--device", "foo"), "device 'foo'"),
    "bench device unknown": (("bench", "--device", "foo"), "device 'foo'"),
}


@pytest.mark.usefixtures("bad")
@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image[:20])
def test_an_image_that_cannot_be_used(refused: Refused, image: str) -> None:
    refused(edit(image=image), IMAGES[image])


@pytest.mark.usefixtures("bad")
@pytest.mark.parametrize("case", EDITS)
def test_an_edit_that_cannot_be_made(refused: Refused, case: str) -> None:
    refused(*EDITS[case])


@pytest.mark.usefixtures("bad")
@pytest.mark.parametrize("case", OTHERS)
def test_another_command_that_cannot_be_done(refused: Refused, case: str) -> None:
    refused(*OTHERS[case])


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_the_source_under_another_name(refused: Refused, folder: Path, link: str) -> None:
    getattr(folder / "other.png", link)(folder / "scene.png")
    refused(edit(output="other.png"), "source itself")


@pytest.mark.parametrize(
    ("source", "more"),
    [("out_seed1.png", ("--all", "--candidates", "2")), ("out_report.png", ("--report",))],
)
def test_the_source_as_a_further_output(refused: Refused, folder: Path, source: str, more: tuple[str, ...]) -> None:
    (folder / "scene.png").rename(folder / source)
    refused(edit(*more, image=source), "source itself")


@pytest.mark.parametrize("place", ["report", "candidate"])
def test_a_further_output_that_cannot_be_written(refused: Refused, folder: Path, place: str) -> None:
    (folder / ("out_report.png" if place == "report" else "out_seed0.png")).mkdir()
    refused(edit("--report" if place == "report" else "--all"), "is a folder")


@pytest.mark.parametrize("name", ["sample_0.png", "sample_1.png"])
def test_the_source_as_a_sample(refused: Refused, folder: Path, name: str) -> None:
    (folder / "scene.png").rename(folder / name)
    refused(("sample", name, "-n", "2", "-o", "."), name)


def test_a_sample_that_cannot_be_written(refused: Refused, folder: Path) -> None:
    (folder / "sample_1.png").mkdir()
    refused(sample("-n", "2", output="."), "sample_1.png is a folder")


def test_a_full_disk(run: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(type(Path())):  # type: ignore[misc]
        def replace(self, _target: Path) -> Path:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "Path", Full)
    ended = run(*edit("--roi", "8,8,8,8"))
    assert ended.code == 2
    last = ended.err.split("\r")[-1]  # after the edit's progress
    assert last.startswith("sinddm-rs: out.png cannot be written (No space left on device); ") and last.endswith(".\n")
    assert [path.name for path in folder.iterdir()] == ["scene.png"]


def test_a_refusal_comes_before_the_work(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def edit_document(*_: object, **__: object) -> None:
        raise AssertionError("the edit has begun")

    monkeypatch.setattr(module, "edit_document", edit_document)
    refused(edit(output="out.bmp"), "name end in")
    refused(edit("--roi", "1,2,3"), "not x,y,w,h")
    refused(edit("--exemplar", "missing.png"), "does not exist")
