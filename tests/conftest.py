"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from comfyui_sinddm_rs.sinddm import pickles


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Pictures so small are done sooner by one thread, and with the same bits on every machine's number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="session")
def trusted_pickles() -> Iterator[None]:
    """The tests' own pickles are read with every torch that the package allows; test_pickles tries the guard itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pickles, "SAFE_SINCE", "0")
        yield
