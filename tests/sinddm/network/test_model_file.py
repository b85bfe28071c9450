"""Model files: written and read back to the same edit; everything else is refused in one sentence."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.rasters.raster import Values
from comfyui_sinddm_rs.sinddm.network.model import NetworkDenoiser, SinDDMModel
from comfyui_sinddm_rs.sinddm.network.model_file import KEY, load_model, model_bytes
from comfyui_sinddm_rs.sinddm.new_scene import scene_from
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

Picture = Callable[..., Tensor]
VALUES = {"dtype": "uint16", "low": 0.0, "high": 65535.0}


@pytest.fixture(scope="module")
def model(picture: Picture) -> SinDDMModel:
    settings = TrainSettings(iterations=2, width=8, schedule="linear")
    training = Training(picture(3, 60, 70), settings, values=Values(**VALUES))  # type: ignore[arg-type]
    list(training.run())
    return training.model()


@pytest.fixture
def file(model: SinDDMModel, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(model_bytes(model))
    return path


def header(path: Path) -> dict[str, object]:
    with safe_open(str(path), "pt") as opened:
        return dict(json.loads(opened.metadata()[KEY]))


def rewrite(path: Path, **changes: object) -> None:
    save_file(load_file(path), path, {KEY: json.dumps(header(path) | changes)})


def test_written_and_read_is_the_same_model(model: SinDDMModel, file: Path) -> None:
    again = load_model(file)
    assert (again.factor, again.details, again.schedule) == (model.factor, model.details, "linear")
    assert again.origin == model.origin and again.size == (60, 70)
    torch.testing.assert_close(again.image, model.image, atol=1e-3, rtol=0)
    first, second = (scene_from(NetworkDenoiser(each), (50, 64), 3) for each in (model, again))
    assert torch.equal(first, second)


def test_the_header_says_what_it_is(model: SinDDMModel, file: Path) -> None:
    told = header(file)
    assert (told["version"], told["bands"], told["width"], told["value_range"]) == (1, 3, 8, VALUES)
    assert (told["recipe"], told["iterations"]) == ("fast", 2) and len(str(told["source_hash"])) == 64
    assert told["pyramid"] == {"size": [60, 70], "factor": model.factor, "details": list(model.details)}


def refused(path: Path, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        load_model(path)
    assert "\n" not in str(caught.value) and "; " in str(caught.value)


def test_missing_truncated_and_foreign_files(file: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "cannot be read")
    whole = file.read_bytes()
    for length in (0, 5, 200, len(whole) - 1):
        file.write_bytes(whole[:length])
        refused(file, "damaged")
    (tmp_path / "text.safetensors").write_text("a model\n" * 100)
    refused(tmp_path / "text.safetensors", "damaged or no safetensors")
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    refused(tmp_path / "other.safetensors", "not written by sinddm-rs")
    save_file({"weight": torch.zeros(3)}, tmp_path / "list.safetensors", {KEY: "[1]"})
    refused(tmp_path / "list.safetensors", "not written by sinddm-rs")


def test_another_version_or_kind(file: Path) -> None:
    rewrite(file, version=2)
    refused(file, "of version 2, this program reads version 1")
    rewrite(file, version=1, kind="comfyui-sinddm-rs checkpoint")
    refused(file, "is a comfyui-sinddm-rs checkpoint, not a")


@pytest.mark.parametrize(
    "change", [{"bands": 4}, {"width": 16}, {"schedule": "wavy"}, {"pyramid": {}}, {"bands": "many"}]
)
def test_a_header_that_contradicts_the_weights(file: Path, change: dict[str, object]) -> None:
    rewrite(file, **change)
    refused(file, "damaged")


def test_weights_that_are_no_numbers(file: Path) -> None:
    tensors = load_file(file)
    tensors["network.final_conv.0.bias"].fill_(torch.nan)
    save_file(tensors, file, {KEY: json.dumps(header(file))})
    refused(file, "damaged")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "zip.safetensors")
    assert zipfile.is_zipfile(tmp_path / "zip.safetensors")
    refused(tmp_path / "zip.safetensors", "may run code, and is not opened")
    (tmp_path / "raw.safetensors").write_bytes(b"\x80\x04cposix\nsystem\n")
    refused(tmp_path / "raw.safetensors", "may run code")
