"""One process at a time where two would spoil each other's files. The system frees a lock whose process was killed."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import OutputError

LOCK = ".lock-sinddm-rs"
"""What the names of lock files begin with; none is left when its work has ended."""
PATIENCE = 0.5
"""Seconds for which a lock is asked for: who only looks whether it is held has it for an instant."""
_ATTEMPTS = 3


@contextmanager
def alone(place: Path, busy: str) -> Iterator[None]:
    """While the block runs no other process is in such a block for ``place``, a file to write or a folder that exists.

    busy: the sentence of the OutputError that is raised where one is.
    """
    lock = _locked(place, PATIENCE)
    if lock is None:
        raise OutputError(busy)
    try:
        yield
    finally:
        release(lock)


@contextmanager
def in_turn(place: Path, waits: Callable[[], None] | None = None) -> Iterator[None]:
    """As ``alone``, but it waits until the other process has ended. waits: called once where it has to.

    Raises OutputError where no lock can be made.
    """
    lock = _locked(place, PATIENCE)
    if lock is None:
        if waits is not None:
            waits()
        lock = _locked(place, -1)
    assert lock is not None, "without a limit it is waited for"
    try:
        yield
    finally:
        release(lock)


def acquire(path: Path, timeout: float = 0.0) -> FileLock | None:
    """The lock of the file ``path``, held; None where another process holds it. Raises OSError."""
    for _ in range(_ATTEMPTS):
        lock = FileLock(path, timeout=timeout)
        try:
            lock.acquire()
        except Timeout:
            if path.exists():
                return None
            continue  # where no file can be made, such as in /proc, filelock goes on trying
        if path.exists():
            return lock
        lock.release()  # its last holder took the file away in this moment
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def release(lock: FileLock) -> None:
    """Let go of a lock, and take its file away."""
    path = Path(lock.lock_file)
    try:
        path.unlink(missing_ok=True)
    except OSError:  # Windows keeps files that are open
        lock.release()
        with suppress(OSError):
            path.unlink(missing_ok=True)
    lock.release()


def _locked(place: Path, timeout: float) -> FileLock | None:
    try:
        return acquire(_lock_path(place), timeout)
    except OSError as error:
        raise OutputError(f"{place} cannot be written ({error.strerror}); choose another place or name.") from error


def _lock_path(place: Path) -> Path:
    if place.is_dir():
        return place / LOCK
    # Short, since the name may be as long as names can be.
    return place.with_name(f"{LOCK}-{hashlib.sha256(place.name.encode()).hexdigest()[:12]}")
