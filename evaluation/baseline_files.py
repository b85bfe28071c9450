"""The files of a published pipeline: found, checked and loaded. Only safetensors are read, no code of theirs is run."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from ..errors import InputError, MissingPackageError, ServiceError
from .baseline_models import Model

INDEX_FILE = "model_index.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_WEIGHTS = re.compile(r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors")
# What a folder may have loaded; any other name could be a module that runs code of its own.
_PARTS = re.compile(
    r"diffusers\.(AutoencoderKL|PriorTransformer|UNet2DConditionModel|VQModel|\w+Scheduler)|kandinsky\.MultilingualCLIP"
    r"|transformers\.(CLIP(ImageProcessor|Tokenizer(Fast)?|TextModel(WithProjection)?|VisionModelWithProjection)"
    r"|XLMRobertaTokenizer(Fast)?)"
)


def load_pipeline(name: str, model: Model, place: str | Path, device: str, download: bool) -> Any:
    """The pipeline in ``place``, on the device and ready to be called.

    download: whether it may be fetched from the Hub. Raises InputError for a place that does not hold the model or
    could run code, MissingPackageError without diffusers, ServiceError where the Hub does not give it.
    """
    try:
        import diffusers  # noqa: PLC0415 (optional, and takes seconds)
    except ImportError as error:
        raise _missing(name) from error
    loader: Any = getattr(diffusers, model.pipeline)
    folder = _folder(name, loader, model, place, download)
    _check_index(name, model, folder)
    target = torch.device(device)
    # Half precision is how the authors of all these pipelines show them on a CUDA card.
    number = torch.float16 if target.type == "cuda" else torch.float32
    try:
        # Weights are drawn before they are read.
        with torch.random.fork_rng(devices=[]):
            loaded = loader.from_pretrained(
                folder, dtype=number, use_safetensors=True, local_files_only=True, **dict.fromkeys(model.without)
            )
    except ImportError as error:
        raise _missing(name) from error
    except Exception as error:  # diffusers, transformers and safetensors raise whatever their readers meet
        raise InputError(f"{folder} is no complete {model.pipeline} ({_reason(error)}); fetch it again.") from error
    _check_weights(loaded, folder)
    loaded.set_progress_bar_config(disable=True)
    # Pictures come in the right size; Kandinsky's img2img would resize them with height and width swapped.
    if isinstance(getattr(loaded, "image_processor", None), diffusers.image_processor.VaeImageProcessor):
        loaded.image_processor.register_to_config(do_resize=False)
    return loaded.to(target)


def _folder(name: str, loader: Any, model: Model, place: str | Path, download: bool) -> Path:
    """Where the model's files are on this machine; from the Hub only with ``download``."""
    folder = Path(place).expanduser()
    if folder.is_dir():
        return folder
    if HUB_ID.fullmatch(str(place)) is not None and download:
        left_out = dict.fromkeys(model.without)
        try:
            return Path(loader.download(str(place), use_safetensors=True, token=False, **left_out))
        except ImportError as error:
            raise _missing(name) from error
        except Exception as error:  # diffusers and huggingface_hub raise whatever the network meets
            raise ServiceError(
                f"{place} could not be fetched from the Hub ({_reason(error)}); look at its name and the connection,"
                " or give a folder."
            ) from error
    if HUB_ID.fullmatch(str(place)) is not None:
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 (not needed for a folder)

        # diffusers would look there too, but huggingface_hub asks the network something even with local_files_only.
        index = try_to_load_from_cache(str(place), INDEX_FILE)
        if isinstance(index, str):
            return Path(index).parent
    raise InputError(
        f"{place} is neither a folder nor in the Hub's cache here; give the folder that holds {model.repo},"
        " or let it be downloaded."
    )


def _check_index(name: str, model: Model, folder: Path) -> None:
    """InputError unless the folder says that it holds the model, of parts that are known and without code."""
    try:
        index = dict(json.loads((folder / INDEX_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{folder} has no {INDEX_FILE} that can be read; give a folder that diffusers saved {model.repo} in."
        ) from error
    saved = index.get("_class_name") or "model of no class"
    if saved not in (model.pipeline, model.also):
        raise InputError(
            f"{folder} holds a {saved}, and {name} needs a {model.also or model.pipeline};"
            f" give a folder with {model.repo}."
        )
    # A part's own module would be preferred even to the library of that name.
    code = next(folder.glob("*/*.py"), None)
    if code is not None:
        raise InputError(f"{code} is code, which is not run; give a folder with {model.repo} as published.")
    for part, entry in index.items():
        if part.startswith("_") or part in model.without or not isinstance(entry, list) or entry == [None, None]:
            continue
        if _PARTS.fullmatch(".".join(map(str, entry))) is None:
            raise InputError(
                f"{folder} wants {'.'.join(map(str, entry))} as its {part}, which could run code of its own and is not"
                f" loaded; give a folder with {model.repo}."
            )


def _check_weights(pipeline: Any, folder: Path) -> None:
    """InputError unless the files hold every weight of the pipeline; what they lack is drawn, and only a log told.

    Shapes are compared, as several names have changed since these models were published.
    """
    for part, module in pipeline.components.items():
        if not isinstance(module, torch.nn.Module):
            continue
        lacking = Counter(tuple(weight.shape) for weight in module.parameters())
        for path in (folder / part).glob("*.safetensors"):
            if _WEIGHTS.fullmatch(path.name):
                with safe_open(str(path), "pt") as file:
                    names = file.keys()
                    lacking -= Counter(tuple(file.get_slice(name).get_shape()) for name in names)
        if lacking:
            raise InputError(f"{folder / part} lacks {lacking.total()} of its model's weights; fetch it again.")


def _missing(name: str) -> MissingPackageError:
    return MissingPackageError(
        f'The baseline {name} needs the packages of an extra; pip install "comfyui-sinddm-rs[baselines]".'
    )


def _reason(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:150]
