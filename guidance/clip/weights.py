"""Weight files of CLIP models: where they are looked for, and how they are read without running any of them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import InputError, OutputError
from ...rasters.files import check_place
from ...rasters.temporary import replacing
from ...sinddm.pickles import check_pickle
from .download import fetch
from .presets import FOLDER_WEIGHTS, Preset

__all__ = ["convert", "fetch", "find_weights", "model_folders", "read_weights", "safe_metadata"]

FOLDERS_VARIABLE = "SINDDM_RS_MODELS"
"""Environment variable with further folders of models, separated as in PATH."""
SAFE = ".safetensors"
PICKLES = (".pt", ".pth", ".bin")
PACKAGE = Path(__file__).absolute().parents[2]


def model_folders(further: Sequence[Path] = ()) -> list[Path]:
    """Folders in which models are looked for, the first one first; they need not exist.

    further: what the caller knows, for example ComfyUI's folder_paths. Then $SINDDM_RS_MODELS, then the models of the
    ComfyUI that this package lies in, then the user's own.
    """
    variable = [Path(each) for each in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if each]
    folders = [*further, *variable, *_comfyui_folders(PACKAGE), _own_folder()]
    return list(dict.fromkeys(folder.expanduser() for folder in folders))


def _comfyui_folders(package: Path) -> list[Path]:
    if package.parent.name != "custom_nodes":
        return []
    models = package.parent.parent / "models"
    return [models / "remoteclip", models / "clip_vision"]


def _own_folder() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "share"
    return Path(home) / "sinddm-rs" / "models"


def find_weights(preset: Preset, folders: Sequence[Path]) -> Path | None:
    """The preset's file (git-rsclip: its folder) in the first folder that has it; safetensors before .pt."""
    return next((path for folder in folders for path in _candidates(preset, folder) if path.exists()), None)


def _candidates(preset: Preset, folder: Path) -> Iterator[Path]:
    if preset.kind == "siglip":
        # The folder counts once its weights are there: a download that broke off leaves the small files alone.
        weights = [folder / preset.local_name / name for name in FOLDER_WEIGHTS]
        yield from (path.parent for path in weights if path.exists())
        return
    name = preset.local_name
    for suffix in (SAFE, *PICKLES):
        for place in (folder / (preset.file or name), folder / name, folder / preset.name / name):
            yield place.with_suffix(suffix)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .safetensors, .pt, .pth or .bin file, by the names of the model itself.

    Checkpoints of open_clip's training are unwrapped. Raises InputError for a file that is missing, half-downloaded, no
    weights at all, or that could run code, as every pickle could with a torch before 2.6.
    """
    _refuse_no_weights(path)
    saved: Any = load_safe(path) if path.suffix.lower() == SAFE else _load_pickle(path)
    inner = saved.get("state_dict", saved) if isinstance(saved, Mapping) else None
    if not isinstance(inner, Mapping) or not inner:
        raise InputError(f"{path} holds no named weights; give the weights that the model's authors publish.")
    # OpenAI's files carry three numbers of the architecture among the weights.
    found = {k: v for k, v in inner.items() if k not in ("input_resolution", "context_length", "vocab_size")}
    wrong = next((name for name, value in found.items() if not isinstance(value, Tensor)), None)
    if wrong is not None:
        raise InputError(
            f"{path} holds more than weights (such as '{wrong}'); give a file with a model's weights only."
        )
    prefix = "module." if all(str(name).startswith("module.") for name in found) else ""
    return {str(name).removeprefix(prefix): value for name, value in found.items()}


def _refuse_no_weights(path: Path) -> None:
    if path.suffix.lower() not in (SAFE, *PICKLES):
        raise InputError(f"{path} is no weight file; give one whose name ends in {', '.join((SAFE, *PICKLES))}.")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give a file with a model's weights.") from error
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path} is a Git LFS pointer, not the weights; fetch the file itself (git lfs pull).")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(f"{path} is a web page, not weights; delete it and fetch the file itself.")


def half_downloaded(path: Path, error: Exception | None = None) -> InputError:
    """The error to raise for a weight file that cannot be read to its end; error: what its reader said."""
    what = f" ({str(error).splitlines()[0][:120]})" if error is not None and str(error) else ""
    return InputError(f"{path} looks half-downloaded{what}; delete it and fetch it again.")


def load_safe(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by their names. Raises InputError for a damaged one."""
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise half_downloaded(path, error) from error
    return tensors


def safe_metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself; nothing for any other file."""
    if path.suffix.lower() != SAFE:
        return {}
    try:
        with safe_open(str(path), "pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise half_downloaded(path, error) from error


def _load_pickle(path: Path) -> Any:
    check_pickle(path)
    if path.stat().st_size == 0:
        raise half_downloaded(path)
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped:
        try:
            with zipfile.ZipFile(path) as archive:
                script = any(name.endswith("/constants.pkl") for name in archive.namelist())
        except Exception as error:  # zipfile raises whatever it meets
            raise half_downloaded(path, error) from error
        if script:
            raise InputError(
                f"{path} is a TorchScript archive, as OpenAI publishes its CLIP, which holds code and is not opened;"
                " use the guide openai-RN50, openai-ViT-B-32 or openai-ViT-L-14, whose weights are plain."
            )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (EOFError, OSError) as error:
        raise half_downloaded(path, error) from error
    except Exception as error:  # torch raises whatever its reader meets, an UnpicklingError for what may run code
        raise InputError(
            f"{path} is damaged or holds more than weights, and is not opened;"
            " fetch it again, or give the weights that the model's authors publish."
        ) from error


def convert(source: Path, target: Path) -> dict[str, Any]:
    """Rewrite a weight file as safetensors, every tensor in its own type; what was done, for a report.

    Raises InputError as ``read_weights``, OutputError where the target cannot be written.
    """
    if target.suffix.lower() != SAFE:
        raise OutputError(f"{target} cannot be written as safetensors; let its name end in {SAFE}.")
    check_place(target, (source,))
    tensors: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, value in read_weights(source).items():
        # safetensors refuses tensors that share memory, as tied weights of a checkpoint do.
        own = value.contiguous()
        place = own.untyped_storage().data_ptr()
        tensors[name] = own.clone() if place in places else own
        places.add(place)
    metadata = safe_metadata(source) | {"format": "pt", "origin": source.name, "origin_format": source.suffix[1:]}
    try:
        with replacing(target) as partial:
            save_file(tensors, partial, metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{target} cannot be written ({error}); choose another place or free some space.") from error
    return {
        "tensors": len(tensors),
        "parameters": sum(value.numel() for value in tensors.values()),
        "bytes": target.stat().st_size,
    }
