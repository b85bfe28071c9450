"""The guides by name: the shipped one, the CLIPs that have a name, and any CLIP by its path."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ..errors import InputError
from .checks import checked_device
from .clip.architectures import CONFIG_FILE
from .clip.open_clip_guide import load_file, load_folder, load_preset
from .clip.presets import PRESETS, Preset, how_to_get, size_text
from .clip.siglip_guide import is_siglip, load_siglip
from .clip.weights import PICKLES, SAFE, find_weights, model_folders
from .compact.guide import WEIGHTS, is_compact, load_compact_guide
from .guide import Guide

COMPACT = "compact"
IN_MEMORY = 2
"""So many guides stay loaded; a large CLIP takes gigabytes."""

_Key = tuple[str, str, str, int]
_loaded: OrderedDict[_Key, Guide] = OrderedDict()
_lock = threading.Lock()


def guide_names() -> tuple[str, ...]:
    """Names that ``load_guide`` knows, the shipped guide first."""
    return (COMPACT, *PRESETS)


def load_guide(name: str, device: str = "cpu", folders: Sequence[Path] = ()) -> Guide:
    """The guide of this name, or in this file or folder. Never downloads; the last two stay in memory.

    folders: where to look before the places of ``model_folders``. Raises InputError for an unknown name, for weights
    that are not there, damaged or of another model, and for a device that is not there; MissingPackageError for a guide
    of a package that is not installed.
    """
    checked_device(device)
    path, load = _source(name, device, folders)
    key = (name, device, str(path.resolve()), _stamp(path))
    with _lock:
        if key not in _loaded:
            # What is to go goes first, so that never more than IN_MEMORY take up memory.
            while len(_loaded) >= IN_MEMORY:
                _loaded.popitem(last=False)
            # A host may load it in inference mode, and no gradient could ever pass such weights.
            with torch.inference_mode(False):
                _loaded[key] = load()
        _loaded.move_to_end(key)
        return _loaded[key]


def _source(name: str, device: str, folders: Sequence[Path]) -> tuple[Path, Callable[[], Guide]]:
    """Where the guide's weights are, and what loads it from there."""
    if name == COMPACT:
        return WEIGHTS, lambda: load_compact_guide(device)
    if name in PRESETS:
        preset = PRESETS[name]
        path = _weights(preset, model_folders(folders))
        if preset.kind == "siglip":
            return path, lambda: load_siglip(path, device, preset.name)
        return path, lambda: load_preset(preset, path, device)
    path = Path(name).expanduser()
    if path.is_file() and is_compact(path):
        return path, lambda: load_compact_guide(device, path)
    if path.is_file():
        return path, lambda: load_file(path, device)
    if path.is_dir() and is_siglip(path):
        return path, lambda: load_siglip(path, device)
    if (path / CONFIG_FILE).is_file():
        return path, lambda: load_folder(path, device)
    if path.is_dir():
        raise InputError(f"The folder {path} holds no CLIP with its configuration; give a file, or a complete folder.")
    if path.suffix.lower() in (SAFE, *PICKLES):
        raise InputError(f"The guide's weights {path} do not exist; check the path.")
    raise InputError(
        f"There is no guide '{name}'; choose one of {', '.join(guide_names())}, or a file of CLIP weights."
    )


def _weights(preset: Preset, folders: Sequence[Path]) -> Path:
    path = find_weights(preset, folders)
    if path is None:
        raise InputError(
            f"The weights of the guide {preset.name} ({preset.local_name}, {size_text(preset.bytes)}) are in none of"
            f" {', '.join(map(str, folders))}; {how_to_get(preset, folders[0])}."
        )
    return path


def _stamp(path: Path) -> int:
    """When the weights were last written; of a folder, the newest of its files."""
    files = [each for each in path.iterdir() if each.is_file()] if path.is_dir() else [path]
    return max(each.stat().st_mtime_ns for each in files)
