from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, MissingPackageError
from comfyui_sinddm_rs.guidance.clip.siglip_guide import SiglipGuide, load_siglip
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.guidance.guides import load_guide
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

transformers = pytest.importorskip("transformers")
TEXTS = ["a fire in the wood", "a meadow"]
MEAN, STD = (0.5, 0.4, 0.3), (0.5, 0.25, 0.2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A folder with a tiny SigLIP of random weights, its model and its tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 (transformers' own)

    folder = tmp_path_factory.mktemp("siglip") / "tiny-siglip"
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    special = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    config = transformers.SiglipConfig(
        text_config=sizes | special | {"vocab_size": 32, "max_position_embeddings": 8},
        vision_config=sizes | {"image_size": 32, "patch_size": 8},
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = transformers.SiglipModel(config).eval()
    model.save_pretrained(folder)
    words = ["</s>", "<unk>", "a", "fire", "in", "the", "wood", "meadow"]
    plain = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="</s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": MEAN, "image_std": STD}))
    return folder, model, tokenizer


@pytest.fixture
def folder(made: tuple[Path, Any, Any], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    copy = tmp_path / "git-rsclip"
    copy.mkdir()
    for path in made[0].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


@pytest.fixture
def guide(made: tuple[Path, Any, Any]) -> SiglipGuide:
    return load_siglip(made[0])


def test_embeddings_are_those_of_transformers(guide: SiglipGuide, made: tuple[Path, Any, Any], images: Tensor) -> None:
    _, model, tokenizer = made
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    tokens = tokenizer(TEXTS, padding="max_length", max_length=8, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        own = model(input_ids=tokens, pixel_values=(images - mean) / std)
    torch.testing.assert_close(guide.embed_images(images), own.image_embeds, atol=1e-5, rtol=0)
    torch.testing.assert_close(guide.embed_texts(TEXTS), own.text_embeds, atol=1e-5, rtol=0)


def test_it_is_a_guide_that_leaves_the_rng_alone(made: tuple[Path, Any, Any]) -> None:
    before = torch.get_rng_state()
    guide = load_siglip(made[0])
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(guide, Guide)
    assert (guide.name, guide.view_side, guide.dtype) == ("tiny-siglip", 32, torch.float32)
    assert guide.to("cpu") is guide
    assert not any(each.requires_grad for each in guide.model.parameters())


def test_the_gradient_reaches_the_image(guide: SiglipGuide, images: Tensor) -> None:
    pixels = F.interpolate(images, size=(40, 50)).requires_grad_()
    score = (guide.embed_images(pixels) @ guide.embed_texts(TEXTS).T).sum()
    (slope,) = torch.autograd.grad(score, pixels)
    assert float(slope.abs().sum()) > 0


def test_a_long_text_is_truncated_with_a_warning(guide: SiglipGuide, caplog: pytest.LogCaptureFixture) -> None:
    fits, long = " ".join(["fire"] * 8), " ".join(["fire"] * 9)
    assert not guide.truncated(fits)
    assert guide.truncated(long)
    with caplog.at_level(logging.WARNING):
        torch.testing.assert_close(guide.embed_texts([long]), guide.embed_texts([fits]))
    assert caplog.text.count("8 tokens") == 1


def test_an_empty_text_is_refused(guide: SiglipGuide) -> None:
    with pytest.raises(InputError, match="prompt is empty"):
        guide.embed_texts([""])


def test_the_preset_and_the_path_find_it(folder: Path) -> None:
    assert load_guide("git-rsclip", folders=[folder.parent]).name == "git-rsclip"
    assert isinstance(load_guide(str(folder)), SiglipGuide)


def test_without_transformers_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackageError, match=r'pip install "comfyui-sinddm-rs\[siglip\]"'):
        load_siglip(folder)


def test_missing_weights_are_not_drawn_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(each for each in weights if "vision_model.encoder" in each)
    save_file(
        {key: value for key, value in weights.items() if key != name}, folder / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(InputError, match=r"lacks 1 weights of its SigLIP"):
        load_siglip(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "preprocessor_config.json", "config.json"])
@pytest.mark.parametrize("cut", [True, False])
def test_an_incomplete_folder_is_refused(folder: Path, name: str, cut: bool) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]) if cut else path.unlink()
    with pytest.raises(InputError) as caught:
        load_siglip(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
