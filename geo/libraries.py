"""The libraries of the extra [raster]: imported when they are needed, and named when they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import MissingPackageError


def rasterio() -> Any:
    """rasterio with its submodules. Raises MissingPackageError."""
    module = _library("rasterio")
    for name in ("crs", "features", "warp", "windows", "enums", "errors", "_err"):
        import_module(f"rasterio.{name}")
    return module


def pyogrio() -> Any:
    """pyogrio. Raises MissingPackageError."""
    return _library("pyogrio")


def shapely() -> Any:
    """shapely. Raises MissingPackageError."""
    return _library("shapely")


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(f'This needs the package {name}: pip install "comfyui-sinddm-rs[raster]".') from error
