"""open_clip's architectures: which one fits given weights, and building it with them; nothing is ever downloaded."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ...errors import InputError
from .presets import PRESETS, Preset
from .weights import safe_metadata

log = logging.getLogger(__name__)

CONFIG_FILE = "open_clip_config.json"
"""Beside the weights in a folder as open_clip's ``push_to_hf_hub`` writes it."""
SCALES = ("logit_scale", "logit_bias")
"""Weights of the loss; embeddings do without them."""
DRAWS = ("normal_", "uniform_", "trunc_normal_", "erfinv_", "kaiming_uniform_", "xavier_uniform_")


@dataclass(frozen=True)
class Architecture:
    """What open_clip builds a model from, and how the model wants its pictures (open_clip's preprocess_cfg)."""

    name: str
    config: Mapping[str, Any]
    preprocess: Mapping[str, Any]


def named_architecture(name: str, quick_gelu: bool, tag: str | None = None) -> Architecture:
    """One of open_clip's own; ``tag`` is the published training whose preprocessing it takes. Raises InputError."""
    import open_clip  # noqa: PLC0415 (takes seconds)

    config = open_clip.get_model_config(name)
    if config is None:
        raise InputError(f"open_clip has no architecture '{name}'; install a newer open_clip_torch.")
    preprocess = open_clip.get_pretrained_cfg(name, tag) if tag else {}
    return Architecture(name, config | {"quick_gelu": quick_gelu or config.get("quick_gelu", False)}, preprocess)


def preset_architecture(preset: Preset) -> Architecture:
    """The architecture of a preset. Raises InputError where this open_clip does not have it."""
    return named_architecture(preset.architecture, preset.quick_gelu, preset.tag)


def folder_architecture(folder: Path) -> Architecture:
    """From the open_clip_config.json in ``folder``. Raises InputError where that is missing or damaged."""
    path = folder / CONFIG_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        config = dict(stored["model_cfg"])
        parts = {name: dict(config[name]) for name in ("vision_cfg", "text_cfg")}
        return Architecture(folder.name, config | parts, dict(stored.get("preprocess_cfg", {})))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a folder that open_clip saved.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}); fetch the folder again.") from error


def file_architecture(path: Path, weights: Mapping[str, Tensor]) -> Architecture:
    """The architecture of a file without a name here, by the shapes of its weights. Raises InputError if none fits.

    Shapes do not show which activation the weights were trained with. It is QuickGELU where the file's safetensors
    metadata says ``quick_gelu: true`` or its name has "quickgelu" or "openai" in it, else open_clip's GELU.
    """
    preset = next((each for each in PRESETS.values() if each.file and Path(each.local_name).stem == path.stem), None)
    if preset is not None:
        return preset_architecture(preset)
    fitting = fitting_architectures(weights)
    if not fitting:
        raise InputError(
            f"{path} fits no architecture of open_clip; give weights of a CLIP that open_clip has,"
            f" or a folder with its {CONFIG_FILE}."
        )
    said = safe_metadata(path).get("quick_gelu", "").lower()
    named = any(word in path.stem.lower() for word in ("quickgelu", "openai"))
    return named_architecture(fitting[0], quick_gelu=said == "true" or (not said and named))


def fitting_architectures(weights: Mapping[str, Tensor]) -> list[str]:
    """Names in open_clip whose weights have exactly these names and shapes, plain before "-quickgelu"."""
    import open_clip  # noqa: PLC0415 (takes seconds)

    tokens, projection = weights.get("token_embedding.weight"), weights.get("text_projection")
    if tokens is None or projection is None or tokens.ndim != 2 or projection.ndim != 2:
        return []
    shapes = _shapes(weights)
    names = []
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name)
        text = config["text_cfg"]
        # Cheap numbers first: building all of open_clip's models takes half a minute.
        numbers = (text.get("vocab_size"), text.get("width"), config["embed_dim"])
        if numbers == (*tokens.shape, projection.shape[1]) and not _foreign(config):
            with torch.device("meta"):
                if _shapes(_blank(config, "fp32").state_dict()) == shapes:
                    names.append(name)
    return sorted(names, key=lambda name: "quickgelu" in name)


def _foreign(config: Mapping[str, Any]) -> bool:
    """Whether the model is no plain CLIP of open_clip's: a part is timm's or transformers', or it writes captions."""
    parts = (config["vision_cfg"], config["text_cfg"], config)
    return any(key in part for part in parts for key in ("timm_model_name", "hf_model_name", "multimodal_cfg"))


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items() if name not in SCALES}


class _NoDraws(TorchFunctionMode):
    """Leaves new weights as memory holds them: all of them are read from the file, so drawing them would only cost
    time (seconds for a large model) and touch torch's global generator."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") in DRAWS:
            return args[0] if args else named["tensor"]
        if func in (torch.randn, torch.rand):
            return torch.empty(*args, **named)
        return func(*args, **named)


def _blank(config: Mapping[str, Any], precision: str) -> nn.Module:
    import open_clip  # noqa: PLC0415 (takes seconds)

    fields = {key: value for key, value in config.items() if key != "custom_text"}
    # Not open_clip.create_model: that writes to the root logger, and may download parts of a model.
    kind = open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP
    if "timm_model_name" in fields["vision_cfg"]:
        fields["vision_cfg"] = fields["vision_cfg"] | {"timm_model_pretrained": False}
    with torch.random.fork_rng(devices=[]), _NoDraws():
        model: nn.Module = kind(**fields, cast_dtype=open_clip.get_cast_dtype(precision))
    return model


def build(
    architecture: Architecture, weights: Mapping[str, Tensor], source: Path, strict: bool, precision: str
) -> nn.Module:
    """The model with these weights, in eval mode and without gradients of its own, on the CPU.

    source: where the weights are from, for messages. strict: names that the model does not have are an error, else a
    warning. precision: open_clip's "fp32", "fp16" or "bf16". Raises InputError for weights of another architecture.
    """
    import open_clip  # noqa: PLC0415 (takes seconds)

    _refuse_foreign_tokens(architecture)
    try:
        model = _blank(architecture.config, precision)
    except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise InputError(f"open_clip cannot build {architecture.name} ({error}); check its configuration.") from error
    if precision != "fp32":
        open_clip.convert_weights_to_lp(model, open_clip.get_cast_dtype(precision))
    _check_fit(architecture, _shapes(model.state_dict()), weights, source, strict)
    towers = {name: value for name, value in weights.items() if name not in SCALES}
    if precision == "fp32":
        # Taken over instead of copied: half the memory.
        towers = {name: value.float() if value.is_floating_point() else value for name, value in towers.items()}
    model.load_state_dict(towers, strict=False, assign=precision == "fp32")
    visual: Any = model.visual
    chosen = asdict(open_clip.transform.PreprocessCfg()) | {"size": visual.image_size}
    wanted = {key: value for key, value in architecture.preprocess.items() if key in chosen and key != "size"}
    open_clip.model.set_model_preprocess_cfg(model, chosen | wanted)
    return model.eval().requires_grad_(False)


def _refuse_foreign_tokens(architecture: Architecture) -> None:
    text = architecture.config["text_cfg"]
    foreign = text.get("hf_tokenizer_name") or text.get("hf_model_name")
    if foreign:
        raise InputError(
            f"{architecture.name} needs the tokenizer {foreign} from the Hub, which is not fetched here;"
            " choose a model with open_clip's own tokenizer, or a SigLIP folder that transformers saved."
        )


def _check_fit(
    architecture: Architecture,
    own: Mapping[str, tuple[int, ...]],
    weights: Mapping[str, Tensor],
    source: Path,
    strict: bool,
) -> None:
    given = _shapes(weights)
    missing = [name for name in own if name not in given]
    unknown = [name for name in given if name not in own]
    shaped = [name for name, shape in own.items() if name in given and given[name] != shape]
    if shaped or missing or (unknown and strict):
        found = next(iter(fitting_architectures(weights)), None)
        if found is not None and (shaped or missing):
            raise InputError(
                f"{source} holds weights of {found}, not of {architecture.name};"
                " choose the guide that belongs to the file, or the file that belongs to the guide."
            )
        parts = [("lacks", missing), ("has unknown", unknown if strict else []), ("has other shapes of", shaped)]
        said = ", ".join(f"{verb} {len(names)} weights such as {names[0]}" for verb, names in parts if names)
        raise InputError(f"{source} does not fit {architecture.name} ({said}); give the weights of that model.")
    if unknown:
        log.warning(
            "%s has %d weights that %s does not use, such as %s.", source, len(unknown), architecture.name, unknown[0]
        )
