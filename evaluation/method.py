"""What a method is: an image and a request go in, an edited image comes out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Method(Protocol):
    """What turns an image and a request into an edit: this project's, a baseline, or one of the user's own."""

    @property
    def name(self) -> str:
        """How tables, files and ratings call it, for example ``"sd-inpaint"``."""
        ...

    def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:
        """float [C, H, W] in 0…1 → float [C, H, W] in 0…1, the image as ``request`` asks for it.

        region: float [H, W] in 0…1, 1 = may change and 0 = must stay bit for bit; None is the whole image.
        seed: whole number from 0 up; the same one gives the same bytes on the same machine.
        Raises InputError for an image, request or region that the method cannot edit.
        """
        ...
