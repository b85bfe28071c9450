"""Names from graphs, lists and manifests that become files: the one rule of what is a plain file name anywhere."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ..errors import InputError

FORBIDDEN = frozenset('/\\:*?"<>|')
MAX_NAME_BYTES = 200
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)
"""Windows opens these whatever follows a dot, in every folder."""


def inside(folder: Path, name: str) -> Path:
    """The path of the file ``name`` in ``folder``. Raises InputError for a name that could lead out of it.

    Also for what leads out on another system, or once its characters are brought to their common form.
    """
    forms = {name, unicodedata.normalize("NFKC", name)} if name.isprintable() else {""}
    if not all(map(_is_plain, forms)):
        raise InputError(f"The name {name[:40]!r} is no plain file name; use letters, digits, dots, - and _.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise InputError(f"The name '{name[:40]}…' is too long; choose at most {MAX_NAME_BYTES} bytes.")
    path = folder / name
    try:
        stays = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        stays = False
    if not stays:
        raise InputError(f"The file '{name}' is a link that leads out of its folder; put the file itself there.")
    return path


def is_file(path: Path) -> bool:
    """Whether a path out of a list is that of a file; also one that is too long for any, where pathlib fails."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_plain(name: str) -> bool:
    ends = name.startswith(".") or name.endswith(".") or name.strip() != name
    return bool(name) and not ends and not set(name) & FORBIDDEN and _DEVICES.fullmatch(name) is None
