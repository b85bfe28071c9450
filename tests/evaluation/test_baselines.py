"""Every baseline, as a pipeline of its own class with tiny random weights; nothing here reaches the network."""

from __future__ import annotations

import inspect
import json
import shutil
import socket
import string
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, MissingPackageError, ServiceError
from comfyui_sinddm_rs.evaluation.baseline_files import INDEX_FILE
from comfyui_sinddm_rs.evaluation.baseline_models import BASELINES, Model
from comfyui_sinddm_rs.evaluation.baselines import load_baseline, working_size
from comfyui_sinddm_rs.evaluation.method import Method
from safetensors.torch import load_file, save_file
from torch import Tensor

transformers = pytest.importorskip("transformers", reason="baselines need the extra [baselines]: transformers")
diffusers = pytest.importorskip("diffusers", reason="baselines need the extra [baselines]: diffusers")

NAMES = tuple(BASELINES)
INPAINTING = tuple(name for name in NAMES if name.endswith("-inpaint"))
REQUEST = "a fire in the wood"
SIDE = 64
WIDTH = 16
"""Of every embedding."""
SHORT = {"num_inference_steps": 2, "prior_num_inference_steps": 2, "strength": 1.0}
CHANNELS = {"sd-inpaint": 9, "sd-img2img": 4, "instruct-pix2pix": 8}
LETTERS = string.ascii_lowercase


def folder_of(root: Path, model: Model) -> Path:
    return root / model.repo.rpartition("/")[2]


def clip_tokenizer(folder: Path) -> Any:
    folder.mkdir()
    words = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def xlm_tokenizer() -> Any:
    words = ["<s>", "<pad>", "</s>", "<unk>", *("▁" + LETTERS), "<mask>"]
    return transformers.XLMRobertaTokenizer(vocab=[(word, -1.0) for word in words], model_max_length=77)


def clip_config(kind: str, **further: Any) -> Any:
    sizes = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return getattr(transformers, kind)(**sizes, projection_dim=WIDTH, **further)


def text_config() -> Any:
    return clip_config("CLIPTextConfig", vocab_size=60, bos_token_id=0, eos_token_id=1, pad_token_id=1)


def stable_diffusion(channels: int, tokenizer: Any) -> dict[str, Any]:
    two = {"block_out_channels": (8, 16), "norm_num_groups": 4, "layers_per_block": 1}
    return {
        "vae": diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, **two
        ),
        "unet": diffusers.UNet2DConditionModel(
            sample_size=SIDE // 2,
            in_channels=channels,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=WIDTH,
            attention_head_dim=4,
            **two,
        ),
        "text_encoder": transformers.CLIPTextModel(text_config()),
        "tokenizer": tokenizer,
        "scheduler": diffusers.DDIMScheduler(clip_sample=False, steps_offset=1),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def kandinsky(conditions: dict[str, Any], inpaints: bool) -> dict[str, Any]:
    return {
        "unet": diffusers.UNet2DConditionModel(
            in_channels=9 if inpaints else 4,
            out_channels=8,  # it predicts a variance too
            down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            block_out_channels=(32, 64),  # these blocks have 32 groups
            layers_per_block=1,
            cross_attention_dim=WIDTH,
            encoder_hid_dim=WIDTH,
            attention_head_dim=4,
            resnet_time_scale_shift="scale_shift",
            **conditions,
        ),
        "movq": diffusers.VQModel(
            down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
            up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
            block_out_channels=(32, 64),
            layers_per_block=1,
            latent_channels=4,
            vq_embed_dim=4,
            num_vq_embeddings=8,
            norm_type="spatial",
        ),
    }


def kandinsky_21(inpaints: bool) -> dict[str, Any]:
    from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP  # noqa: PLC0415 (optional)

    text = clip_config(
        "XLMRobertaConfig", vocab_size=40, max_position_embeddings=80, pad_token_id=1, bos_token_id=0, eos_token_id=2
    ).to_dict()
    text = {key: value for key, value in text.items() if key not in ("model_type", "projection_dim")}
    conditions = {"addition_embed_type": "text_image", "encoder_hid_dim_type": "text_image_proj"}
    return kandinsky(conditions, inpaints) | {
        "text_encoder": MultilingualCLIP(MCLIPConfig(transformerDimSize=WIDTH, imageDimSize=WIDTH, **text)),
        "tokenizer": xlm_tokenizer(),
        "scheduler": diffusers.DDIMScheduler(clip_sample=False, steps_offset=1),
    }


def kandinsky_22(inpaints: bool) -> dict[str, Any]:
    conditions = {"addition_embed_type": "image", "encoder_hid_dim_type": "image_proj"}
    return kandinsky(conditions, inpaints) | {"scheduler": diffusers.DDPMScheduler()}


def prior(tokenizer: Any) -> dict[str, Any]:
    transformer = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=1, embedding_dim=WIDTH
    )
    transformer.clip_std.data.fill_(1.0)
    vision = clip_config("CLIPVisionConfig", image_size=32, patch_size=16)
    return {
        "prior": transformer,
        "image_encoder": transformers.CLIPVisionModelWithProjection(vision),
        "text_encoder": transformers.CLIPTextModelWithProjection(text_config()),
        "tokenizer": tokenizer,
        "scheduler": diffusers.UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample"),
        "image_processor": transformers.CLIPImageProcessor(),
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every model under the last part of its published name, saved as the class it is published as."""
    root = tmp_path_factory.mktemp("models")
    tokenizer = clip_tokenizer(root / "vocabulary")
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for name, baseline in BASELINES.items():
            inpaints = name in INPAINTING
            if name in CHANNELS:
                parts = stable_diffusion(CHANNELS[name], tokenizer)
            else:
                parts = (kandinsky_21 if "2.1" in name else kandinsky_22)(inpaints)
            kind = getattr(diffusers, baseline.model.also or baseline.model.pipeline)
            kind(**parts).save_pretrained(folder_of(root, baseline.model), safe_serialization=True)
        for model in {baseline.prior for baseline in BASELINES.values()} - {None}:
            kind = getattr(diffusers, model.pipeline)
            kind(**prior(tokenizer)).save_pretrained(folder_of(root, model), safe_serialization=True)
    return root


@pytest.fixture(scope="module")
def load(root: Path) -> Callable[[str], Method]:
    """Loads a tiny baseline by its name, once."""
    loaded: dict[str, Method] = {}

    def load(name: str) -> Method:
        if name not in loaded:
            baseline = BASELINES[name]
            options = {key: value for key, value in SHORT.items() if key in baseline.options}
            loaded[name] = load_baseline(name, folder_of(root, baseline.model), side=SIDE, options=options)
        return loaded[name]

    return load


@pytest.fixture
def spoilt(root: Path, tmp_path: Path) -> Path:
    """A copy of sd-inpaint that a test may spoil."""
    return Path(shutil.copytree(folder_of(root, BASELINES["sd-inpaint"].model), tmp_path / "copy"))


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Calls over the network, all refused. A test that expects some clears them."""
    made: list[Any] = []

    def refuse(*args: Any, **_: Any) -> None:
        made.append(args)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield made
    assert made == []


def scene(height: int = 48, width: int = 96, seed: int = 0) -> Tensor:
    """float [3, H, W] in 0…1: coarse blocks, so that resizing keeps what they look like."""
    blocks = torch.rand((1, 3, 4, 4), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(blocks, size=(height, width), mode="nearest")[0]


def half(image: Tensor) -> Tensor:
    region = torch.zeros(image.shape[-2:])
    region[:, : image.shape[-1] // 2] = 1.0
    return region


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_keeps_the_size_and_follows_the_seed(name: str, load: Callable[[str], Method]) -> None:
    before = torch.get_rng_state()
    method, image = load(name), scene()
    kept = image.clone()
    first, again, other = (method.edit(image, REQUEST, None, seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(method, Method)
    assert method.name == name
    assert torch.equal(image, kept)
    assert (first.shape, first.dtype) == (image.shape, torch.float32)
    assert float(first.min()) >= 0.0
    assert float(first.max()) <= 1.0
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, method.edit(image, "a lake", None, 3))


@pytest.mark.parametrize("name", NAMES)
def test_outside_the_region_every_bit_stays(name: str, load: Callable[[str], Method]) -> None:
    image = scene(40, 72)
    region = half(image)
    edited = load(name).edit(image, REQUEST, region, 1)
    assert torch.equal(edited[:, region == 0], image[:, region == 0])
    assert not torch.equal(edited[:, region == 1], image[:, region == 1])
    assert 0.0 <= float(edited.min()) <= float(edited.max()) <= 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(SIDE, 2 * SIDE), (2 * SIDE, SIDE)], ids=str)
def test_the_model_sees_the_image_upright(
    name: str, size: tuple[int, int], load: Callable[[str], Method], monkeypatch: pytest.MonkeyPatch
) -> None:
    method: Any = load(name)
    image = scene(*size)
    part = getattr(method.pipeline, "vae", None) or method.pipeline.movq
    encode, seen = part.encode, []
    monkeypatch.setattr(part, "encode", lambda pixels, **more: (seen.append(pixels), encode(pixels, **more))[1])
    drawn = method._draw(image, REQUEST, None, torch.Generator().manual_seed(0))
    assert drawn.shape == image.shape
    assert all(pixels.shape[1:] == image.shape for pixels in seen)
    if name != "sd-inpaint":  # it sees but what the region leaves
        torch.testing.assert_close(seen[0][0] * 0.5 + 0.5, image, atol=0.003, rtol=0)


@pytest.mark.parametrize("name", INPAINTING)
def test_inpainting_sees_nothing_of_what_it_repaints(name: str, load: Callable[[str], Method]) -> None:
    method = load(name)
    one, other = scene(64, 64), scene(64, 64, seed=1)
    assert torch.equal(method.edit(one, REQUEST, None, 0), method.edit(other, REQUEST, None, 0))
    region = half(one)
    mixed = torch.where(region == 0, one, other)
    inside = (method.edit(image, REQUEST, region, 0)[:, :, :20] for image in (other, mixed))
    assert not torch.equal(*inside)


def test_a_region_of_a_few_pixels_survives_a_smaller_working_size(load: Callable[[str], Method]) -> None:
    image = scene(512, 512)
    region = torch.zeros(512, 512)
    region[100:103, 201:204] = 1.0
    edited = load("sd-inpaint").edit(image, REQUEST, region, 0)
    assert bool((edited != image).any(0)[region > 0].all())


@pytest.mark.parametrize(("height", "width"), [(32, 2048), (33, 47), (700, 600)])
def test_any_size_can_be_edited(height: int, width: int, load: Callable[[str], Method]) -> None:
    image = scene(height, width)
    for name in ("instruct-pix2pix", "kandinsky-2.2-img2img"):
        assert load(name).edit(image, REQUEST, None, 0).shape == image.shape


@pytest.mark.parametrize(
    ("size", "side", "multiple", "expected"),
    [
        ((256, 256), 512, 8, (512, 512)),
        ((600, 600), 768, 64, (768, 768)),
        ((300, 400), 512, 8, (512, 680)),
        ((2048, 1024), 512, 64, (1024, 512)),
        ((32, 2048), 512, 8, (24, 1536)),
        ((32, 2048), 64, 64, (64, 192)),
    ],
)
def test_the_working_size_is_the_models_own(
    size: tuple[int, int], side: int, multiple: int, expected: tuple[int, int]
) -> None:
    assert working_size(size, side, multiple) == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_are_those_that_diffusers_publishes(name: str) -> None:
    baseline = BASELINES[name]
    for key, value in baseline.options.items():
        model = baseline.prior if key.startswith("prior_") else baseline.model
        assert model is not None
        published = inspect.signature(getattr(diffusers, model.pipeline).__call__).parameters
        assert (key, value) == (key, published[key.removeprefix("prior_")].default)
    assert "arXiv" in baseline.source


def test_the_filter_and_what_it_needs_stay_unread(spoilt: Path) -> None:
    index = json.loads((spoilt / INDEX_FILE).read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    (spoilt / INDEX_FILE).write_text(json.dumps(index))
    method: Any = load_baseline("sd-inpaint", spoilt)
    assert method.pipeline.safety_checker is None
    assert method.side == 512
    assert method.options == BASELINES["sd-inpaint"].options


def test_a_prior_can_be_elsewhere_but_must_be_one(root: Path, tmp_path: Path) -> None:
    baseline = BASELINES["kandinsky-2.2-inpaint"]
    assert baseline.prior is not None
    alone = shutil.copytree(folder_of(root, baseline.model), tmp_path / "decoder")
    with pytest.raises(InputError, match="kandinsky-2-2-prior is neither a folder"):
        load_baseline("kandinsky-2.2-inpaint", alone)
    load_baseline("kandinsky-2.2-inpaint", alone, prior=folder_of(root, baseline.prior))
    with pytest.raises(InputError, match=r"holds a KandinskyV22InpaintPipeline, and .* needs a KandinskyV22PriorPip"):
        load_baseline("kandinsky-2.2-inpaint", alone, prior=alone)


def test_a_model_in_the_hubs_cache_is_found_without_a_network(
    spoilt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, repo = tmp_path / "hub", BASELINES["sd-inpaint"].model.repo
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    with pytest.raises(InputError, match=r"neither a folder nor in the Hub's cache here; give .* or let it be downl"):
        load_baseline("sd-inpaint")
    kept = cache / f"models--{repo.replace('/', '--')}"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    shutil.copytree(spoilt, kept / "snapshots" / ("0" * 40))
    assert load_baseline("sd-inpaint").name == load_baseline("sd-inpaint", repo).name == "sd-inpaint"


def test_only_a_download_asked_for_reaches_the_hub(
    spoilt: Path, calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ServiceError, match="could not be fetched from the Hub"):
        load_baseline("sd-inpaint", download=True)
    assert calls
    calls.clear()
    asked: list[tuple[str, dict[str, Any]]] = []

    def fetch(repo: str, **options: Any) -> str:
        asked.append((repo, options))
        return str(spoilt)

    monkeypatch.setattr(diffusers.StableDiffusionInpaintPipeline, "download", fetch)
    load_baseline("sd-inpaint", "someone/else", download=True)
    ((repo, options),) = asked
    assert repo == "someone/else"
    left_out = {"safety_checker": None, "feature_extractor": None}
    assert options == {"use_safetensors": True, "token": False, **left_out}


def rename_weights(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))


def cut_weights(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def drop_a_weight(folder: Path, part: str) -> None:
    (path,) = (folder / part).glob("*.safetensors")
    weights = load_file(path)
    del weights[min(weights)]
    save_file(weights, path, metadata={"format": "pt"})


def change_index(folder: Path, **entries: Any) -> None:
    index = json.loads((folder / INDEX_FILE).read_text())
    (folder / INDEX_FILE).write_text(json.dumps(index | entries))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: shutil.rmtree(folder / "vae"), "no complete StableDiffusionInpaintPipeline .*fetch it again"),
        (cut_weights, "no complete StableDiffusionInpaintPipeline"),
        (lambda folder: drop_a_weight(folder, "unet"), "unet lacks 1 of its model's weights"),
        (lambda folder: drop_a_weight(folder, "text_encoder"), "text_encoder lacks 1 of its model's weights"),
        (rename_weights, "no complete StableDiffusionInpaintPipeline"),
        (lambda folder: (folder / INDEX_FILE).unlink(), "has no model_index.json that can be read"),
        (lambda folder: (folder / INDEX_FILE).write_text("[1, 2]"), "has no model_index.json that can be read"),
        (lambda folder: change_index(folder, _class_name="FluxPipeline"), "holds a FluxPipeline, and sd-inpaint needs"),
        (lambda folder: change_index(folder, _class_name=["own", "Pipe"]), "holds a .*own.*, and sd-inpaint needs"),
        (lambda folder: change_index(folder, _class_name=None), "holds a model of no class, and sd-inpaint needs"),
        (lambda folder: change_index(folder, unet=["own_module", "UNet2DConditionModel"]), "own_module.*code of its"),
        (
            lambda folder: change_index(folder, tokenizer=["transformers", "AutoTokenizer"]),
            "AutoTokenizer.*code of its",
        ),
        (lambda folder: (folder / "unet" / "diffusers.py").write_text("raise SystemExit"), "is code, which is not run"),
    ],
)
def test_a_folder_that_is_not_the_model_is_refused(spoil: Callable[[Path], Any], message: str, spoilt: Path) -> None:
    spoil(spoilt)
    with pytest.raises(InputError, match=message) as caught:
        load_baseline("sd-inpaint", spoilt)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "dall-e"}, "no baseline 'dall-e'; choose one of sd-inpaint, sd-img2img"),
        ({"place": "/nowhere/at all"}, "/nowhere/at all is neither a folder nor"),
        ({"device": "meter"}, "The device 'meter' is not available"),
        ({"side": 8}, "cannot work at 8 px; choose a side of 64 to 2,048 px"),
        ({"options": {"eta": 1.0}}, "has no option 'eta'; choose among num_inference_steps, guidance_scale, strength"),
        ({"options": {"num_inference_steps": 2.5}}, "cannot be 2.5; give a whole number from 1 to 1000"),
        ({"options": {"strength": 1.5}}, "cannot be 1.5; give a number from 0.01 to 1"),
        ({"options": {"num_inference_steps": 3, "strength": 0.3}}, "makes no step at strength 0.3 of 3 steps"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_baseline(**({"name": "sd-inpaint"} | arguments))


@pytest.mark.parametrize(
    ("image", "request_text", "region", "seed", "message"),
    [
        (scene()[:1], REQUEST, None, 0, "edits red, green and blue, and the image has 1 bands"),
        (scene().repeat(2, 1, 1)[:4], REQUEST, None, 0, "the image has 4 bands"),
        (scene() * 2, REQUEST, None, 0, "values outside 0…1"),
        (scene(), "  ", None, 0, "The prompt is empty"),
        (scene(), REQUEST, torch.ones(5, 5), 0, "The region has the shape"),
        (scene(), REQUEST, torch.zeros(48, 96), 0, "selects nothing"),
        (scene(), REQUEST, None, -1, "The seed -1 is no whole number from 0 up"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(
    image: Tensor,
    request_text: str,
    region: Tensor | None,
    seed: int,
    message: str,
    load: Callable[[str], Method],
) -> None:
    with pytest.raises(InputError, match=message):
        load("sd-img2img").edit(image, request_text, region, seed)


def test_nan_is_no_edit(load: Callable[[str], Method], monkeypatch: pytest.MonkeyPatch) -> None:
    method: Any = load("sd-img2img")
    decode = method.pipeline.vae.decode
    monkeypatch.setattr(
        method.pipeline.vae, "decode", lambda *args, **more: [each * torch.nan for each in decode(*args, **more)]
    )
    with pytest.raises(InputError, match="made only NaN on cpu"):
        method.edit(scene(), REQUEST, None, 0)


@pytest.mark.parametrize("package", ["diffusers", "transformers"])
def test_without_its_packages_the_extra_is_named(package: str, spoilt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if package == "diffusers":
        monkeypatch.setitem(sys.modules, "diffusers", None)
    else:  # what diffusers puts in the place of a pipeline when transformers is missing
        from diffusers.utils.dummy_torch_and_transformers_objects import StableDiffusionInpaintPipeline  # noqa: PLC0415

        monkeypatch.setattr("diffusers.utils.import_utils._transformers_available", False)
        monkeypatch.setattr(diffusers, "StableDiffusionInpaintPipeline", StableDiffusionInpaintPipeline)
    with pytest.raises(MissingPackageError, match=r'pip install "comfyui-sinddm-rs\[baselines\]"'):
        load_baseline("sd-inpaint", spoilt)
