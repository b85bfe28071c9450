from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.guidance.clip.presets import PRESETS
from comfyui_sinddm_rs.guidance.clip.weights import (
    PACKAGE,
    _comfyui_folders,
    convert,
    find_weights,
    model_folders,
    read_weights,
    safe_metadata,
)
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

SOME = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.float16)}


def assert_equal(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in wanted.items())


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.bin"])
@pytest.mark.parametrize(
    "wrapped",
    [
        SOME,
        {"state_dict": SOME, "epoch": 20, "name": "run"},
        {"state_dict": {f"module.{key}": value for key, value in SOME.items()}},
        SOME | {"input_resolution": torch.tensor(224), "context_length": torch.tensor(77)},
    ],
    ids=["plain", "checkpoint", "distributed", "openai's numbers"],
)
def test_pickles_are_unwrapped(tmp_path: Path, name: str, wrapped: Any) -> None:
    torch.save(wrapped, tmp_path / name)
    assert_equal(read_weights(tmp_path / name), SOME)


def test_the_old_format_and_safetensors_are_read(tmp_path: Path) -> None:
    torch.save(SOME, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    save_file(SOME, tmp_path / "new.safetensors")
    for name in ("old.pt", "new.safetensors"):
        assert_equal(read_weights(tmp_path / name), SOME)


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("this ran",)


def test_a_pickle_that_would_run_code_is_not_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"w": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match="is not opened;"):
        read_weights(tmp_path / "evil.pt")
    assert "this ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["w.pt", "old.pt", "w.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.98])
def test_every_cut_is_noticed(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    large = {"w": torch.zeros(64, 64)}
    if name == "w.safetensors":
        save_file(large, path)
    else:
        torch.save(large, path, _use_new_zipfile_serialization=name == "w.pt")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"half-downloaded|is damaged") as caught:
        read_weights(path)
    assert "fetch it again" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 605219813\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"\n<html><body>404</body></html>", "web page"),
    ],
)
@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_what_was_saved_instead_of_weights_is_named(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=word):
        read_weights(tmp_path / name)


def test_a_torchscript_archive_is_named(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "ViT-B-32.pt"))
    with pytest.raises(InputError, match=r"TorchScript archive.*openai-ViT-B-32"):
        read_weights(tmp_path / "ViT-B-32.pt")


@pytest.mark.parametrize(
    ("stored", "word"),
    [([1, 2], "no named weights"), ({}, "no named weights"), ({"lr": 0.1}, "more than weights"), (3, "no named")],
)
def test_what_is_no_dict_of_tensors_is_refused(tmp_path: Path, stored: Any, word: str) -> None:
    torch.save(stored, tmp_path / "w.pt")
    with pytest.raises(InputError, match=word):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize(("name", "word"), [("no.pt", "cannot be read"), ("w.zip", "no weight file"), (".", "no weig")])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        read_weights(tmp_path / name)


def test_folders_come_in_order_and_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a, b, c = (tmp_path / each for each in "abc")
    monkeypatch.setenv("SINDDM_RS_MODELS", os.pathsep.join(map(str, (b, c, a))))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert model_folders([a])[:3] == [a, b, c]
    assert model_folders()[-1] == tmp_path / "sinddm-rs" / "models"


def test_a_package_in_custom_nodes_looks_in_that_comfyui() -> None:
    models = Path("/x/ComfyUI/models")
    assert _comfyui_folders(Path("/x/ComfyUI/custom_nodes/any-name")) == [models / "remoteclip", models / "clip_vision"]
    assert _comfyui_folders(Path("/x/elsewhere/any-name")) == []
    assert (PACKAGE / "errors.py").is_file()


@pytest.mark.parametrize(
    ("preset", "places"),
    [
        (
            "remoteclip-RN50",
            ["RemoteCLIP-RN50.safetensors", "remoteclip-RN50/RemoteCLIP-RN50.safetensors", "RemoteCLIP-RN50.pt"],
        ),
        ("georsclip-ViT-L-14", ["RS5M_ViT-L-14.safetensors", "ckpt/RS5M_ViT-L-14.pt", "RS5M_ViT-L-14.pt"]),
        ("openai-ViT-B-32", ["openai-ViT-B-32.safetensors", "openai-ViT-B-32.pt", "openai-ViT-B-32.bin"]),
        ("git-rsclip", ["git-rsclip/model.safetensors"]),
    ],
)
def test_weights_are_found_and_the_best_first(tmp_path: Path, preset: str, places: list[str]) -> None:
    folders = [tmp_path / "empty", tmp_path / "models"]
    assert find_weights(PRESETS[preset], folders) is None
    for place in reversed(places):
        path = folders[1] / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert find_weights(PRESETS[preset], folders) == (path.parent if preset == "git-rsclip" else path)


def test_a_broken_off_siglip_folder_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "git-rsclip").mkdir()
    (tmp_path / "git-rsclip" / "config.json").touch()
    assert find_weights(PRESETS["git-rsclip"], [tmp_path]) is None


def test_converting_keeps_types_unties_and_says_the_origin(tmp_path: Path) -> None:
    tied = torch.ones(2, 2)
    torch.save({"state_dict": SOME | {"c": tied, "d": tied, "e": tied.T}}, tmp_path / "in.pt")
    report = convert(tmp_path / "in.pt", tmp_path / "out.safetensors")
    assert_equal(load_file(tmp_path / "out.safetensors"), SOME | {"c": tied, "d": tied, "e": tied})
    metadata = safe_metadata(tmp_path / "out.safetensors")
    assert (metadata["origin"], metadata["origin_format"]) == ("in.pt", "pt")
    assert report == {"tensors": 5, "parameters": 20, "bytes": (tmp_path / "out.safetensors").stat().st_size}
    assert {each.name for each in tmp_path.iterdir()} == {"in.pt", "out.safetensors"}


@pytest.mark.parametrize("target", ["out.pt", "no/out.safetensors", "in.safetensors"])
def test_a_bad_target_is_refused_and_nothing_written(tmp_path: Path, target: str) -> None:
    save_file(SOME, tmp_path / "in.safetensors")
    before = (tmp_path / "in.safetensors").read_bytes()
    with pytest.raises(OutputError):
        convert(tmp_path / "in.safetensors", tmp_path / target)
    assert [each.name for each in tmp_path.iterdir()] == ["in.safetensors"]
    assert (tmp_path / "in.safetensors").read_bytes() == before
