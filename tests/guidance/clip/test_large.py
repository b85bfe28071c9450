"""A ViT-B-32 of random weights in RemoteCLIP's format, by every way in."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.clip.open_clip_guide import load_file, load_preset
from comfyui_sinddm_rs.guidance.clip.presets import PRESETS
from comfyui_sinddm_rs.guidance.clip.weights import convert, find_weights
from comfyui_sinddm_rs.guidance.guides import load_guide
from torch import Tensor


def assert_same(guide: Any, large: Any, own: tuple[Tensor, Tensor]) -> None:
    with torch.no_grad():
        torch.testing.assert_close(guide.embed_images(large.images), own[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(guide.embed_texts(large.texts), own[1], atol=1e-5, rtol=0)


def test_a_preset_finds_it_in_a_folder_of_models_and_leaves_the_rng_and_the_log_alone(
    large: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINDDM_RS_MODELS", str(large.path.parent))
    before, handlers = torch.get_rng_state(), list(logging.getLogger().handlers)
    guide: Any = load_guide("remoteclip-ViT-B-32")
    assert torch.equal(torch.get_rng_state(), before)
    assert logging.getLogger().handlers == handlers
    assert guide.name == "remoteclip-ViT-B-32"
    assert guide.view_side == 224
    assert guide.device == torch.device("cpu")
    assert not guide.model.training
    assert not any(each.requires_grad for each in guide.model.parameters())
    assert_same(guide, large, large.gelu)


def test_a_file_of_any_name_is_known_by_its_shapes(large: Any) -> None:
    other = large.path.with_name("mine.pt")
    os.link(large.path, other)
    guide = load_file(other)
    assert guide.name == "mine"
    assert_same(guide, large, large.gelu)


def test_a_file_whose_name_says_quickgelu_gets_it(large: Any) -> None:
    other = large.path.with_name("mine-quickgelu.pt")
    os.link(large.path, other)
    assert_same(load_file(other), large, large.quick_gelu)


def test_openai_s_preset_has_quickgelu(large: Any) -> None:
    assert float((large.gelu[0] - large.quick_gelu[0]).abs().max()) > 1e-3
    assert_same(load_preset(PRESETS["openai-ViT-B-32"], large.path), large, large.quick_gelu)


def test_converted_to_safetensors_it_is_the_same_and_goes_first(large: Any) -> None:
    target = large.path.with_suffix(".safetensors")
    convert(large.path, target)
    preset = PRESETS["remoteclip-ViT-B-32"]
    assert find_weights(preset, [large.path.parent]) == target
    assert_same(load_preset(preset, target), large, large.gelu)


def test_weights_of_another_model_are_named(large: Any) -> None:
    with pytest.raises(InputError, match="holds weights of ViT-B-32, not of ViT-L-14;"):
        load_preset(PRESETS["remoteclip-ViT-L-14"], large.path)


def test_a_half_downloaded_copy_is_refused(large: Any, tmp_path: Path) -> None:
    half = tmp_path / large.path.name
    with large.path.open("rb") as whole:
        half.write_bytes(whole.read(1_000_000))
    with pytest.raises(InputError, match="looks half-downloaded"):
        load_guide("remoteclip-ViT-B-32", folders=[tmp_path])
