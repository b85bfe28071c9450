"""A language model's prompts, kept on disk: one JSON file an entry, to be read and corrected by people too."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from ...rasters.files import make_folder, write_bytes

_SLUG_LENGTH = 40


@dataclass(frozen=True)
class CacheKey:
    """What the prompts depend on. The server's address is no part of it: it may say more than a file should hold."""

    text: str
    count: int
    model: str
    template_version: str

    @property
    def file_name(self) -> str:
        """A readable part and a hash of everything, for example ``the-bridge-is-collapsed-1f0c9a7e42d8.json``."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.text.lower())[:_SLUG_LENGTH].strip("-") or "prompt"
        digest = sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]
        return f"{slug}-{digest}.json"


def cache_folder() -> Path | None:
    """The user's folder of cached prompts; None where the system knows no home folder of the user.

    ``SINDDM_RS_CACHE`` names another place; else it is where the system keeps such files (on Linux XDG_CACHE_HOME).
    """
    chosen = os.environ.get("SINDDM_RS_CACHE")
    if chosen:
        return Path(chosen) / "prompts"
    try:
        return _system_cache() / "sinddm-rs" / "prompts"
    except RuntimeError:
        return None


def _system_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    xdg = os.environ.get("XDG_CACHE_HOME")
    return Path(xdg) if xdg else Path.home() / ".cache"


def read_cached(folder: Path, key: CacheKey) -> list[str] | None:
    """The prompts kept for ``key``; None where there are none, or where the file is broken or another's."""
    try:
        entry = json.loads((folder / key.file_name).read_text(encoding="utf-8"))
        prompts = entry.pop("prompts")
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None
    usable = isinstance(prompts, list) and prompts and all(isinstance(prompt, str) for prompt in prompts)
    return prompts if usable and entry == asdict(key) else None


def write_cached(folder: Path, key: CacheKey, prompts: list[str]) -> None:
    """Keep the prompts, whole or not at all. Raises OutputError where the folder cannot be written."""
    data = json.dumps({**asdict(key), "prompts": prompts}, ensure_ascii=False, indent=2)
    write_bytes(make_folder(folder) / key.file_name, f"{data}\n".encode())
