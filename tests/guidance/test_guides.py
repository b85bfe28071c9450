from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance import guides
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide
from comfyui_sinddm_rs.guidance.guides import guide_names, load_guide


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SINDDM_RS_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_the_shipped_guide_comes_first() -> None:
    assert guide_names()[0] == "compact"
    assert {"remoteclip-ViT-B-32", "georsclip-ViT-H-14", "skyclip-ViT-L-14", "git-rsclip"} <= set(guide_names())
    assert len(set(guide_names())) == len(guide_names()) == 14


def test_the_shipped_guide_is_loaded_once_and_leaves_the_rng_alone() -> None:
    before = torch.get_rng_state()
    guide = load_guide("compact")
    assert isinstance(guide, CompactGuide)
    assert load_guide("compact") is guide
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_name_lists_the_names() -> None:
    with pytest.raises(InputError) as caught:
        load_guide("remoteclip")
    assert all(name in str(caught.value) for name in guide_names())


@pytest.mark.parametrize("name", [name for name in guide_names() if name != "compact"])
def test_weights_that_are_not_there_say_where_they_belong(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_guide(name, folders=[tmp_path / "mine"])
    message = str(caught.value)
    assert str(tmp_path / "mine") in message
    assert str(tmp_path / "data" / "sinddm-rs" / "models") in message
    assert "https://" in message if name.startswith("skyclip") else f"sinddm-rs fetch-guide {name}" in message
    assert "\n" not in message


def test_the_message_says_file_and_size() -> None:
    with pytest.raises(InputError, match=r"\(RemoteCLIP-ViT-L-14\.pt, 1\.71 GB\)"):
        load_guide("remoteclip-ViT-L-14")


@pytest.mark.parametrize(
    ("name", "word"),
    [("no.safetensors", "do not exist"), ("folder", "holds no CLIP"), ("nothing", "There is no guide")],
)
def test_a_path_that_leads_nowhere_is_said(
    name: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=word):
        load_guide(name)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(InputError, match=f"device '{device}' is not available here"):
        load_guide("compact", device=device)


def test_a_guide_loaded_in_inference_mode_gives_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """ComfyUI runs nodes so; the guide stays in memory for all that follow."""
    monkeypatch.setattr(guides, "_loaded", OrderedDict())
    with torch.inference_mode():
        guide = load_guide("compact")
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    (gradient,) = torch.autograd.grad(guide.embed_images(image).sum(), image)
    assert float(gradient.abs().max()) > 0.0
