"""Too little memory: smaller parts first, then one sentence."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, OutOfMemoryError
from comfyui_sinddm_rs.rasters.memory import LEAST_PART, enough_memory, in_parts, is_out_of_memory

TORCH = "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(TORCH),
        torch.cuda.OutOfMemoryError("CUDA out of memory."),
        OSError(errno.ENOMEM, "x"),
        ImportError("libx.so: failed to map segment from shared object: cannot allocate memory"),
    ],
)
def test_what_libraries_say_is_understood_and_becomes_one_sentence(error: Exception) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(OutOfMemoryError) as told, enough_memory("edit a picture", (600, 1000), "give a region"):
        raise error
    assert str(told.value) == (
        "There is not enough memory to edit a picture of 1000×600 px; choose one of at most 500×300 px, "
        "give a region or close other programs."
    )


def test_torch_and_numpy_still_say_it_so() -> None:
    for allocate in (lambda: torch.empty(1 << 60, dtype=torch.uint8), lambda: np.empty(1 << 60, np.uint8)):
        with pytest.raises(OutOfMemoryError), enough_memory("draw", (64, 64)):
            allocate()


@pytest.mark.parametrize("error", [RuntimeError("shapes"), InputError("not enough memory cards"), OSError(2, "x")])
def test_other_errors_pass(error: Exception) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)) as told, enough_memory("draw", (64, 64)):
        raise error
    assert told.value is error


def test_parts_become_smaller_where_memory_is_short_and_what_is_done_stays() -> None:
    done: list[tuple[int, int]] = []

    def work(part: slice) -> int:
        if part.start > 1000 and part.stop - part.start > 500:
            raise RuntimeError(TORCH)
        done.append((part.start, part.stop))
        return part.stop - part.start

    assert sum(in_parts(work, 5000, 2000)) == 5000
    assert done == [(0, 2000), *((begin, min(5000, begin + 500)) for begin in range(2000, 5000, 500))]


def test_parts_end_somewhere_and_other_errors_end_them_at_once() -> None:
    tried: list[int] = []

    def work(part: slice) -> None:
        tried.append(part.stop - part.start)
        raise MemoryError

    with pytest.raises(MemoryError):
        in_parts(work, 5000, 1000)
    assert tried == [1000, 500, LEAST_PART]
    with pytest.raises(ZeroDivisionError):
        in_parts(lambda part: part.start // 0, 10, 5)
