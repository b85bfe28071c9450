from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.clip.architectures import Architecture, build
from comfyui_sinddm_rs.guidance.clip.open_clip_guide import OpenClipGuide, load_file, load_folder, load_preset
from comfyui_sinddm_rs.guidance.clip.presets import PRESETS
from comfyui_sinddm_rs.guidance.guide import Guide
from safetensors.torch import save_file
from torch import Tensor, nn

TEXTS = ["a large fire in the forest", "a meadow"]
MEAN, STD = (0.5, 0.4, 0.3), (0.5, 0.25, 0.2)


@pytest.fixture
def saved(tmp_path: Path, tiny: nn.Module, tiny_config: dict[str, Any]) -> Path:
    """A folder as open_clip saves one, whose pictures have another mean and deviation."""
    folder = tmp_path / "tiny-clip"
    folder.mkdir()
    stored = {"model_cfg": tiny_config, "preprocess_cfg": {"mean": MEAN, "std": STD}}
    (folder / "open_clip_config.json").write_text(json.dumps(stored))
    save_file(tiny.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture
def guide(saved: Path) -> OpenClipGuide:
    return load_folder(saved)


def test_it_is_a_guide(guide: OpenClipGuide) -> None:
    assert isinstance(guide, Guide)
    assert (guide.name, guide.view_side, guide.context_length) == ("tiny-clip", 32, 12)


def test_mean_and_deviation_are_the_model_s(guide: OpenClipGuide, tiny: Any, images: Tensor) -> None:
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    own = tiny.encode_image((images - mean) / std, normalize=True)
    torch.testing.assert_close(guide.embed_images(images), own, atol=1e-6, rtol=0)


def test_masks_that_no_file_holds_are_right(guide: OpenClipGuide, tiny: Any) -> None:
    own, ours = dict(tiny.named_buffers()), dict(guide.model.named_buffers())
    assert "attn_mask" in own
    assert own.keys() == ours.keys()
    assert all(torch.equal(own[name], ours[name]) for name in own)


def test_embeddings_are_unit_vectors_and_texts_one_batch(guide: OpenClipGuide, tiny: Any, images: Tensor) -> None:
    calls: list[int] = []
    encoder: Any = guide.model
    original = encoder.encode_text
    encoder.encode_text = lambda tokens: (calls.append(len(tokens)), original(tokens))[1]
    texts = guide.embed_texts(TEXTS)
    assert calls == [2]
    torch.testing.assert_close(texts, tiny.encode_text(open_clip.tokenize(TEXTS, 12), normalize=True).detach())
    assert not texts.requires_grad
    for vectors in (texts, guide.embed_images(images)):
        assert vectors.dtype == torch.float32
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_the_gradient_reaches_the_image_and_points_up(guide: OpenClipGuide, images: Tensor) -> None:
    pixels = images.clone().requires_grad_()
    text = guide.embed_texts(TEXTS[:1])
    before = (guide.embed_images(pixels) @ text.T).sum()
    (slope,) = torch.autograd.grad(before, pixels)
    assert slope.shape == images.shape
    after = (guide.embed_images((pixels + 1e-2 * slope / slope.norm()).detach()) @ text.T).sum()
    assert after > before


def test_another_size_is_resized_as_open_clip_does(guide: OpenClipGuide, tiny: Any) -> None:
    noise = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    large = noise.mul(255).round().div(255)
    preprocess = open_clip.image_transform(32, is_train=False, mean=MEAN, std=STD, interpolation="bicubic")
    from torchvision.transforms.functional import to_pil_image  # noqa: PLC0415 (slow to import)

    own = tiny.encode_image(preprocess(to_pil_image(large[0]))[None], normalize=True)
    assert float((guide.embed_images(large) * own).sum().detach()) > 0.9999
    assert guide.embed_images(large[..., :50]).shape == (1, 16)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 4, 32, 32), (0, 3, 32, 32)])
def test_what_is_no_rgb_batch_is_refused(guide: OpenClipGuide, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="RGB pictures"):
        guide.embed_images(torch.zeros(shape))


def test_a_long_text_is_truncated_with_a_warning(guide: OpenClipGuide, caplog: pytest.LogCaptureFixture) -> None:
    fits, long = " ".join(["fire"] * 10), " ".join(["fire"] * 11)
    assert not guide.truncated(fits)
    assert guide.truncated(long)
    with caplog.at_level(logging.WARNING):
        whole = guide.embed_texts([fits])
        assert not caplog.records
        cut = guide.embed_texts([long])
    assert "12 tokens" in caplog.text
    torch.testing.assert_close(cut, whole)


@pytest.mark.parametrize("texts", [[], ["fire", " "]])
def test_an_empty_text_is_refused(guide: OpenClipGuide, texts: list[str]) -> None:
    with pytest.raises(InputError, match="prompt is empty"):
        guide.embed_texts(texts)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_weights_give_float32_embeddings_near_the_whole_ones(
    tiny: nn.Module, tiny_config: dict[str, Any], images: Tensor, precision: str
) -> None:
    def made(kind: str) -> OpenClipGuide:
        model = build(Architecture("tiny", tiny_config, {}), tiny.state_dict(), Path("t.pt"), True, kind)
        return OpenClipGuide("tiny", model, open_clip.SimpleTokenizer(context_length=12))

    whole, half = made("fp32"), made(precision)
    assert half.dtype == {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    for ours, exact in (
        (half.embed_images(images), whole.embed_images(images)),
        (half.embed_texts(TEXTS), whole.embed_texts(TEXTS)),
    ):
        assert ours.dtype == torch.float32
        assert float((ours * exact).sum(1).min()) > 0.995


def test_half_precision_files_are_read_as_float32_on_the_cpu(tmp_path: Path, tiny: nn.Module, tiny_known: str) -> None:
    path = tmp_path / "half.safetensors"
    save_file({name: value.half() for name, value in tiny.state_dict().items()}, path)
    assert load_file(path).dtype == torch.float32
    assert tiny_known == "tiny"


def quick_gelu(guide: OpenClipGuide) -> bool:
    return any(type(each).__name__ == "QuickGELU" for each in guide.model.modules())


@pytest.mark.usefixtures("tiny_known")
def test_the_activation_follows_metadata_then_the_name(tmp_path: Path, tiny: nn.Module) -> None:
    def stored(name: str, said: str | None) -> Path:
        path = tmp_path / f"{name}.safetensors"
        save_file(tiny.state_dict(), path, metadata={"quick_gelu": said} if said else None)
        return path

    assert not quick_gelu(load_file(stored("plain", None)))
    assert quick_gelu(load_file(stored("said", "true")))
    assert quick_gelu(load_file(stored("openai-tiny", None)))
    assert not quick_gelu(load_file(stored("openai-but-said", "false")))


def test_moving_returns_the_guide_itself(guide: OpenClipGuide) -> None:
    assert guide.to("cpu") is guide


def test_weights_that_fit_nothing_are_refused(tiny_file: Path) -> None:
    with pytest.raises(InputError, match="fits no architecture"):
        load_file(tiny_file)


def test_weights_of_another_architecture_are_named(tiny_file: Path, tiny_known: str) -> None:
    with pytest.raises(InputError, match=f"holds weights of {tiny_known}, not of ViT-B-32;"):
        load_preset(PRESETS["remoteclip-ViT-B-32"], tiny_file)


@pytest.mark.parametrize("name", ["visual.conv1.weight", "token_embedding.weight"])
def test_a_missing_weight_of_a_tower_is_an_error_however_lax(
    tiny: nn.Module, tiny_config: dict[str, Any], name: str
) -> None:
    weights = {key: value for key, value in tiny.state_dict().items() if key != name}
    with pytest.raises(InputError, match=f"lacks 1 weights such as {name}"):
        build(Architecture("tiny", tiny_config, {}), weights, Path("t.pt"), False, "fp32")


def test_unknown_weights_are_an_error_when_strict_else_a_warning(
    tiny: nn.Module, tiny_config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    weights = {key: value for key, value in tiny.state_dict().items() if key != "logit_scale"}
    weights["head.weight"] = torch.zeros(3)
    with pytest.raises(InputError, match=r"has unknown 1 weights such as head\.weight"):
        build(Architecture("tiny", tiny_config, {}), weights, Path("t.pt"), True, "fp32")
    with caplog.at_level(logging.WARNING):
        build(Architecture("tiny", tiny_config, {}), weights, Path("t.pt"), False, "fp32")
    assert "head.weight" in caplog.text


def test_a_model_with_a_tokenizer_of_the_hub_is_refused(saved: Path, tiny_config: dict[str, Any]) -> None:
    tiny_config["text_cfg"]["hf_tokenizer_name"] = "bert-base-uncased"
    (saved / "open_clip_config.json").write_text(json.dumps({"model_cfg": tiny_config}))
    with pytest.raises(InputError, match="needs the tokenizer bert-base-uncased"):
        load_folder(saved)


@pytest.mark.parametrize("stored", ["", "[]", '{"model_cfg": 3}', '{"model_cfg": {"embed_dim": 4}}'])
def test_a_damaged_configuration_is_refused(saved: Path, stored: str) -> None:
    (saved / "open_clip_config.json").write_text(stored)
    with pytest.raises(InputError, match=r"damaged|cannot build"):
        load_folder(saved)


def test_a_folder_without_weights_is_refused(saved: Path) -> None:
    (saved / "open_clip_model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no open_clip_model\.safetensors"):
        load_folder(saved)


@pytest.mark.parametrize("preset", [each for each in PRESETS.values() if each.kind == "open_clip"], ids=str)
def test_every_preset_names_an_architecture_and_a_training_that_open_clip_has(preset: Any) -> None:
    assert open_clip.get_model_config(preset.architecture) is not None
    assert preset.tag is None or open_clip.is_pretrained_cfg(preset.architecture, preset.tag)
    if preset.tag is not None:
        published = open_clip.get_pretrained_cfg(preset.architecture, preset.tag)
        assert published.get("quick_gelu", False) == preset.quick_gelu
