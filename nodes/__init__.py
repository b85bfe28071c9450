"""The ComfyUI nodes. Each unpacks its sockets, calls one function and wraps the result."""

from .edit import SinDDMEdit
from .guide import SinDDMGuide
from .prompts import SinDDMPrompts
from .scene import SinDDMScene

NODE_CLASS_MAPPINGS: dict[str, type] = {
    "SinDDMScene": SinDDMScene,
    "SinDDMGuide": SinDDMGuide,
    "SinDDMPrompts": SinDDMPrompts,
    "SinDDMEdit": SinDDMEdit,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "SinDDMScene": "SinDDM Example Scene",
    "SinDDMGuide": "SinDDM Guide",
    "SinDDMPrompts": "SinDDM Prompts",
    "SinDDMEdit": "SinDDM Edit by Text",
}
