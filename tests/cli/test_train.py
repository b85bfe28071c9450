"""``sinddm-rs train`` and what is done with its models."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from comfyui_sinddm_rs.cli.train import parse_duration
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.sinddm.network.model_file import load_model, read_tensor_file
from comfyui_sinddm_rs.sinddm.training.checkpoint import KIND
from PIL import Image

Run = Callable[..., Any]
TINY = ("--iterations", "3", "--width", "8")


@pytest.fixture
def forest(folder: Path) -> str:
    with Image.open(scene_path("forest")) as image:
        image.convert("RGB").crop((0, 0, 96, 80)).save(folder / "forest.png")
    return "forest.png"


def test_answer_and_files(run: Run, folder: Path, forest: str) -> None:
    ended = run("train", forest, "-o", "m.safetensors", "--previews", "1", *TINY)
    answer = ended.answer
    assert ended.code == 0 and (answer["output"], answer["recipe"], answer["iterations"]) == (
        "m.safetensors",
        "fast",
        3,
    )
    assert answer["seconds"] > 0 and len(answer["scale_losses"]) == answer["scales"] and answer["events"] == []
    names = {path.name for path in folder.iterdir()} - {"scene.png", "forest.png"}
    assert names == {"m.safetensors", "m_loss.png", "m_preview_3.png"}
    with Image.open(folder / "m_preview_3.png") as preview:
        assert preview.size == (96, 80)
    assert "training" in ended.err and "3 steps" in ended.err


def test_a_model_samples_at_any_size_and_stores_as_its_source(run: Run, folder: Path, forest: str) -> None:
    deep = np.asarray(Image.open(forest)).astype(np.uint16) * 257
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    run("train", "deep.png", "-o", "m.safetensors", *TINY)
    ended = run("sample", "m.safetensors", "-n", "2", "-o", "new")
    assert ended.answer["model"] == "hybrid"
    drawn = [imagecodecs.png_decode(Path(path).read_bytes()) for path in ended.answer["outputs"]]
    assert drawn[0].dtype == np.uint16 and drawn[0].shape == (80, 96, 3) and (drawn[0] != drawn[1]).any()
    other = run("sample", "m.safetensors", "--size", "120x64", "-o", "new2").answer["outputs"][0]
    assert imagecodecs.png_decode(Path(other).read_bytes()).shape == (64, 120, 3)


def test_four_bands(run: Run, folder: Path, forest: str) -> None:
    rgb = np.asarray(Image.open(forest))
    tifffile.imwrite(
        folder / "four.tif", np.dstack([rgb, rgb[..., 0]]), photometric="minisblack", planarconfig="contig"
    )
    run("train", "four.tif", "-o", "m.safetensors", *TINY)
    path = run("sample", "m.safetensors", "-o", "new").answer["outputs"][0]
    assert tifffile.imread(path).shape == (80, 96, 4) and tifffile.imread(path).dtype == np.uint8


def test_an_event_that_the_model_knows_is_edited_with_it(run: Run, forest: str) -> None:
    answer = run("train", forest, "--event", "A fire in the forest", "-o", "m.safetensors", *TINY).answer
    assert answer["events"] == ["fire"]
    known = run("edit", forest, "A fire in the forest", "--model", "m.safetensors", "-o", "known.png").answer
    assert known["model"] == "hybrid" and known["changed_share"] > 0.02
    unknown = run("edit", forest, "The forest is flooded", "--model", "m.safetensors", "-o", "unknown.png").answer
    assert unknown["model"] == "patch" and "not trained on" in unknown["warnings"][0]
    plain = run("edit", forest, "The forest is flooded", "-o", "plain.png").answer
    assert Path("plain.png").read_bytes() == Path("unknown.png").read_bytes() and plain["warnings"] == []


def test_without_drawings_the_network_paints_alone(run: Run, forest: str) -> None:
    run("train", forest, "-o", "m.safetensors", *TINY)
    more = ("--model", "m.safetensors", "--exemplars", "none", "--roi", "10,10,40,40")
    answer = run("edit", forest, "A fire in the forest", "-o", "o.png", *more).answer
    assert answer["model"] == "network" and answer["changed_share"] > 0.01
    edited, source = (np.asarray(Image.open(name)).astype(int) for name in ("o.png", forest))
    changed = (edited != source).any(-1)
    changed[10:50, 10:50] = False
    assert not changed.any()


def test_the_same_model_gives_the_same_edit(run: Run, forest: str) -> None:
    run("train", forest, "--event", "A fire in the forest", "-o", "m.safetensors", *TINY)
    for name in ("a.png", "b.png"):
        run("edit", forest, "A fire in the forest", "--model", "m.safetensors", "-o", name)
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_interrupted_and_resumed(run: Run, folder: Path, forest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from comfyui_sinddm_rs.cli import train as module  # noqa: PLC0415

    run("train", forest, "-o", "whole.safetensors", *TINY)
    with monkeypatch.context() as patch:

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(module, "_preview", stop)
        ended = run("train", forest, "-o", "parts.safetensors", "--previews", "2", *TINY)
    assert ended.code == 130 and "--resume" in ended.err
    assert (folder / "parts.checkpoint.safetensors").is_file() and not (folder / "parts.safetensors").exists()
    assert run("train", forest, "-o", "parts.safetensors", "--resume", *TINY).code == 0
    assert (folder / "parts.safetensors").read_bytes() == (folder / "whole.safetensors").read_bytes()


def test_ctrl_c_waits_for_the_step(run: Run, folder: Path, forest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from comfyui_sinddm_rs.sinddm.training.loop import Training  # noqa: PLC0415

    step = Training._one_step

    def pressed(training: Training) -> float:
        loss = step(training)
        if training.step == 2:
            signal.raise_signal(signal.SIGINT)
        return loss

    monkeypatch.setattr(Training, "_one_step", pressed)
    before = signal.getsignal(signal.SIGINT)
    ended = run("train", forest, "-o", "m.safetensors", *TINY)
    assert ended.code == 130 and "stopping after this step" in ended.err and "go on with --resume" in ended.err
    assert signal.getsignal(signal.SIGINT) is before
    _, tensors = read_tensor_file(folder / "m.checkpoint.safetensors", KIND, 1)
    assert "network.final_conv.0.weight" in tensors
    assert run("train", forest, "-o", "m.safetensors", "--resume", *TINY).answer["iterations"] == 3


def test_an_official_checkpoint_is_imported(run: Run, folder: Path, forest: str) -> None:
    from comfyui_sinddm_rs.rasters.files import read_raster  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.network.architecture import new_network  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.network.diffusion import Diffusion  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.scales import published_scales  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.schedule import noise_schedule  # noqa: PLC0415

    scales = published_scales(read_raster(forest).pixels * 2.0 - 1.0)
    weights = new_network(16, 3, torch.Generator().manual_seed(0)).state_dict()
    ema = {f"denoise_fn.{name}": each for name, each in weights.items()}
    ema["gammas"] = Diffusion(noise_schedule(), scales.details).gammas[1:].clone()
    torch.save({"step": 9, "ema": ema}, folder / "model-1.pt")
    answer = run("import-official", "model-1.pt", "--image", forest, "-o", "m.safetensors").answer
    assert (answer["width"], answer["iterations"], answer["size"]) == (16, 9, "96x80")
    assert load_model("m.safetensors").origin.recipe == "official"
    assert run("sample", "m.safetensors", "-o", "new").code == 0


def test_the_other_modes(run: Run, folder: Path, forest: str) -> None:
    run("train", forest, "-o", "m.safetensors", *TINY)
    source = np.asarray(Image.open(forest)).astype(int)
    run("harmonise", forest, "--mask", "40,30,12,12", "--model", "m.safetensors", "-o", "h.png")
    blended = np.asarray(Image.open("h.png")).astype(int)
    assert (blended[32:40, 42:50] != source[32:40, 42:50]).any() and (blended[:, 75:] == source[:, 75:]).all()
    Image.open(forest).rotate(180).save(folder / "turned.png")
    assert run("transfer-style", "turned.png", "--model", "m.safetensors", "-o", "s.png").code == 0
    more = ("--from", "0,0,20,20", "--to", "50,40,20,20", "--to", "5,50,20,20")
    assert run("paste", "--model", "m.safetensors", "-o", "p.png", *more).answer["output"] == "p.png"
    assert Image.open("p.png").size == (96, 80)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("45", 45), (" 2 min ", 120)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "0s", "5d", "m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InputError, match="no duration; write"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("train", "scene.png", "-o", "m.safetensors"), "32×32 px is smaller than the 35 px"),
        (("train", "none.png", "-o", "m.safetensors"), "none.png"),
        (("train", "scene.png", "-o", "m.pt"), "end in .safetensors"),
        (("train", "scene.png", "-o", "m.safetensors", "--recipe", "slow"), "invalid choice"),
        (("train", "scene.png", "-o", "m.safetensors", "--time-budget", "soon"), "no duration"),
        (("train", "scene.png", "-o", "m.safetensors", "--event", "taxes"), "No event that can be drawn"),
        (("edit", "scene.png", "fire", "-o", "o.png", "--model", "scene.png"), "damaged or no safetensors"),
        (("edit", "scene.png", "fire", "-o", "o.png", "--model", "no.safetensors"), "cannot be read"),
        (("sample", "no.safetensors", "-o", "new"), "cannot be read"),
        (("import-official", "scene.png", "--image", "scene.png", "-o", "m.safetensors"), "is not opened"),
        (("harmonise", "scene.png", "--mask", "1,1,5,5", "--model", "scene.png", "-o", "o.png"), "no safetensors"),
    ],
)
def test_bad_input(refused: Callable[..., None], arguments: tuple[str, ...], word: str) -> None:
    refused(arguments, word)


def test_a_model_of_another_image_or_bands(run: Run, folder: Path, forest: str) -> None:
    run("train", forest, "-o", "m.safetensors", *TINY)
    Image.open(forest).convert("L").save(folder / "grey.png")
    ended = run("edit", "grey.png", "fire", "-o", "o.png", "--model", "m.safetensors")
    assert ended.code == 2 and "The model has 3 bands and the image 1; train one on this image." in ended.err
    Image.open(forest).rotate(180).save(folder / "turned.png")
    answer = run("edit", "turned.png", "fire", "-o", "o.png", "--model", "m.safetensors").answer
    assert any("trained on another image" in warning for warning in answer["warnings"])
    (folder / "parts.safetensors").write_bytes((folder / "m.safetensors").read_bytes()[:-9])
    assert run("edit", forest, "fire", "-o", "o.png", "--model", "parts.safetensors").code == 2


def test_a_header_names_its_events(run: Run, folder: Path, forest: str) -> None:
    run("train", forest, "--event", "a fire", "-o", "m.safetensors", *TINY)
    size = int.from_bytes((folder / "m.safetensors").read_bytes()[:8], "little")
    metadata = json.loads((folder / "m.safetensors").read_bytes()[8 : 8 + size])["__metadata__"]
    assert json.loads(metadata["sinddm_rs"])["events"] == ["fire"]
