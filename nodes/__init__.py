"""The ComfyUI nodes. Each unpacks its sockets, calls one function and wraps the result."""

from .edit import SinDDMEdit
from .scene import SinDDMScene

NODE_CLASS_MAPPINGS: dict[str, type] = {
    "SinDDMScene": SinDDMScene,
    "SinDDMEdit": SinDDMEdit,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "SinDDMScene": "SinDDM Example Scene",
    "SinDDMEdit": "SinDDM Edit by Text",
}
