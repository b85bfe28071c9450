"""Files that appear whole or not at all, and no trace of those whose process was killed."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from filelock import FileLock

from .locks import LOCK, acquire, release

PARTIAL = ".sinddm-rs-"
"""What the names of folders begin with in which files are that are still being written; 12 digits follow."""
_DIGITS = 12


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Where to write a file, with the suffix of ``target``, which it becomes when the block ends without an error.

    It lies in a folder of its own beside ``target`` that is locked meanwhile, by which ``sweep`` knows that it is in
    use. That folder and all that is left in it is gone afterwards. Raises OSError.
    """
    folder, lock = _own_folder(target.parent)
    try:
        partial = folder / f"new{target.suffix}"
        yield partial
        partial.replace(target)
    finally:
        release(lock)
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Take away what killed processes left of unfinished files in ``folder``, and the locks that they held."""
    with suppress(OSError):  # what cannot be taken away does no harm
        for path in folder.glob(PARTIAL + "[0-9a-f]" * _DIGITS):
            lock = acquire(path / LOCK) if path.is_dir() else None
            if lock is not None:
                release(lock)
                shutil.rmtree(path, ignore_errors=True)
        for path in folder.glob(f"{LOCK}*"):
            lock = acquire(path)
            if lock is not None:
                release(lock)


@cache
def sweep_once(folder: Path) -> None:
    """``sweep``, but of each folder once in a process: a large one is not looked through for every file."""
    sweep(folder)


def _own_folder(parent: Path) -> tuple[Path, FileLock]:
    while True:
        folder = parent / f"{PARTIAL}{secrets.token_hex(_DIGITS // 2)}"
        folder.mkdir()
        lock = acquire(folder / LOCK)
        if lock is not None:
            return folder, lock
        # Swept in the instant before it was locked: another one.
