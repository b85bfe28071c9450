"""What to do where memory is short: smaller parts of the work first, then one sentence with a size that needs less."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from ..errors import OutOfMemoryError, SinDDMError
from .raster import MIN_SIDE

Found = TypeVar("Found")

LEAST_PART = 256
"""Parts of work are not made smaller than this, since they then need nearly nothing."""
_SAID = ("allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation", "unable to mmap")
"""Words of the many errors of torch, NumPy, GDAL and the loader of shared libraries that mean it."""
ADVICE = "There is not enough memory for this; use a smaller picture or region, fewer workers, or close other programs."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of whatever library says that memory is short."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    if isinstance(error, SinDDMError):
        return False
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, Exception) and any(words in str(error).lower() for words in _SAID)


@contextmanager
def enough_memory(task: str, size: tuple[int, int], further: str = "") -> Iterator[None]:
    """Raise OutOfMemoryError where the block needs more memory than there is.

    task: what the block does with a picture of that ``size`` (height, width). further: what else would need less.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, SinDDMError) or not is_out_of_memory(error):
            raise
        height, width = size
        # A quarter of the pixels needs about a quarter of the memory.
        less = f"{max(MIN_SIDE, width // 2)}×{max(MIN_SIDE, height // 2)}"
        raise OutOfMemoryError(
            f"There is not enough memory to {task} of {width}×{height} px; choose one of at most {less} px"
            f"{further and f', {further}'} or close other programs."
        ) from error


def in_parts(work: Callable[[slice], Found], count: int, at_once: int) -> list[Found]:
    """What ``work`` makes of successive parts of ``count`` things; the parts become smaller where memory is short."""
    found: list[Found] = []
    begin = 0
    while begin < count:
        part = slice(begin, min(begin + at_once, count))
        try:
            found.append(work(part))
            begin = part.stop
            continue
        except Exception as error:
            if at_once <= LEAST_PART or not is_out_of_memory(error):
                raise
        at_once = max(LEAST_PART, at_once // 2)
    return found
