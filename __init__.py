"""ComfyUI-SinDDM-RS: text-guided editing of one remote-sensing image.

As a folder in ComfyUI's custom_nodes this module offers the nodes; as a Python package it offers
``edit_image``. Either is loaded when it is first asked for: the import itself stays quick, and the package
needs no ComfyUI.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .guidance.editing import edit_image
    from .guidance.results import EditResult
    from .guidance.sequences import edit_sequence
    from .guidance.settings import EditSettings
    from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = [
    "NODE_CLASS_MAPPINGS",
    "NODE_DISPLAY_NAME_MAPPINGS",
    "WEB_DIRECTORY",
    "EditResult",
    "EditSettings",
    "edit_image",
    "edit_sequence",
]

WEB_DIRECTORY = "./web"

_HOMES = {
    "EditResult": ".guidance.results",
    "EditSettings": ".guidance.settings",
    "edit_image": ".guidance.editing",
    "edit_sequence": ".guidance.sequences",
    "NODE_CLASS_MAPPINGS": ".nodes",
    "NODE_DISPLAY_NAME_MAPPINGS": ".nodes",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
