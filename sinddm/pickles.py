"""Pickles of strangers: which torch reads one without running any of it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.torch_version import TorchVersion

from ..errors import InputError

SAFE_SINCE = "2.6"
"""An older torch can be made to run code even with ``weights_only=True`` (CVE-2025-32434)."""


def check_pickle(path: Path) -> None:
    """To be called before a pickle is read: raise InputError where this torch could be made to run code by it."""
    if TorchVersion(torch.__version__) < SAFE_SINCE:
        raise InputError(
            f"{path} is a pickle, by which torch {torch.__version__} can be made to run code (CVE-2025-32434), and is"
            f" not opened; upgrade torch to {SAFE_SINCE} or later, or convert the file to safetensors on a machine that"
            " has one."
        )
