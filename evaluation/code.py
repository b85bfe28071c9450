"""What of this package results depend on: results of other code are not passed off as those of this one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
EDITING = ("rasters", "sinddm", "guidance")
SCORING = (*EDITING, "evaluation/measures.py", "evaluation/scorers.py", "evaluation/scoring.py")


@cache
def code_digest(places: tuple[str, ...]) -> str:
    """SHA-256, hexadecimal, of the source and weights in these folders and files of the package."""
    digest = hashlib.sha256()
    for path in sorted(file for place in places for file in _files(PACKAGE / place)):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    else:
        yield from (path for path in place.rglob("*") if path.suffix in (".py", ".safetensors"))
