"""Which version of the package this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "comfyui-sinddm-rs"


@cache
def package_version() -> str:
    """The version as installed, or "unknown"."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # a folder in custom_nodes need not be installed
        return "unknown"
