"""What a guide is: text and image in one embedding space, with a gradient back to the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from .templates import Templates


@runtime_checkable
class Guide(Protocol):
    """Cosine similarity between ``embed_images`` and ``embed_texts`` says how well a text fits an image."""

    @property
    def name(self) -> str:
        """Identifier that reports and file headers carry, for example ``"compact"``."""
        ...

    @property
    def view_side(self) -> int:
        """Side in pixels of the square pictures on which it is best asked for a gradient."""
        ...

    @property
    def templates(self) -> Templates:
        """The sentences that a prompt is put into before it is embedded."""
        ...

    def embed_images(self, images: Tensor) -> Tensor:
        """float [B, 3, H, W] in 0…1 → float [B, D] unit vectors, differentiable with respect to ``images``."""
        ...

    def truncated(self, text: str) -> bool:
        """Whether ``text`` is longer than what the guide reads of it."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """N texts → float [N, D] unit vectors, without gradient."""
        ...


@runtime_checkable
class PlacingGuide(Guide, Protocol):
    """A guide that can also say where."""

    def embed_places(self, images: Tensor) -> Tensor:
        """float [B, 3, H, W] in 0…1 → float [B, D, h, w], a unit vector for each place of a regular grid.

        The grid covers the image evenly (place [i, j] is centred at ((i + ½)/h, (j + ½)/w) of height and width).
        Differentiable with respect to ``images``.
        """
        ...
