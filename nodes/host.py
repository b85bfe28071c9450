"""The conditions under which ComfyUI runs a node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def device() -> str:
    """The device that ComfyUI computes on, as its own options chose it."""
    from comfy.model_management import get_torch_device  # noqa: PLC0415 (exists inside ComfyUI only)

    return str(get_torch_device())


@contextmanager
def gradients() -> Iterator[None]:
    """ComfyUI runs nodes in inference mode, where no gradient can be taken; guidance needs them."""
    with torch.inference_mode(False), torch.enable_grad():
        yield
