"""Which version of the package made an edit."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "comfyui-sinddm-rs"


@cache
def package_version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # a folder in custom_nodes need not be installed
        return "unknown"
