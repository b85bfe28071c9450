"""With a torch that pickles can make run code even so, none is opened, whoever reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.clip.siglip_guide import load_siglip
from comfyui_sinddm_rs.guidance.clip.weights import read_weights
from comfyui_sinddm_rs.sinddm import pickles
from comfyui_sinddm_rs.sinddm.network.official import import_official
from comfyui_sinddm_rs.sinddm.pickles import SAFE_SINCE, check_pickle


@pytest.fixture(autouse=True)
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "SAFE_SINCE", SAFE_SINCE)


def unopened(*_: object, **__: object) -> None:
    raise AssertionError("it was opened")


@pytest.mark.parametrize("version", ["2.3.0", "2.5.1+cu124", "2.6.0.dev20241112"])
def test_an_older_torch_opens_none(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.pt"
    torch.save({"w": torch.ones(2)}, path)
    monkeypatch.setattr(torch, "__version__", version)
    monkeypatch.setattr(torch, "load", unopened)
    for read in (read_weights, lambda each: import_official(each, torch.rand(3, 40, 40))):
        with pytest.raises(InputError, match=r"w\.pt is a pickle.*not opened; upgrade torch to 2\.6"):
            read(path)


def test_transformers_opens_none_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text('{"model_type": "siglip"}')
    (tmp_path / "pytorch_model.bin").touch()
    monkeypatch.setattr(torch, "__version__", "2.5.1")
    monkeypatch.setattr(transformers.SiglipModel, "from_pretrained", unopened)
    with pytest.raises(InputError, match=r"pytorch_model\.bin is a pickle"):
        load_siglip(tmp_path)


@pytest.mark.parametrize("version", ["2.6.0", "2.6.0+cpu", "2.10.0", "3.0.0a0"])
def test_a_newer_torch_may(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    check_pickle(Path("w.pt"))
