"""What an event renderer is: a seeded drawing of one event over a given scene, as it looks from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .scene import Scene

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Drawing:
    """One event drawn over one scene.

    image: float32 [H, W, 3] in 0…1, the scene with the event in it.
    mask: float32 [H, W] in 0…1, how much of each pixel the event changed; 0 where image equals the scene exactly.
    """

    image: FloatArray
    mask: FloatArray


class Event(Protocol):
    """A renderer. Stateless: everything random comes from ``rng``, everything else from the arguments."""

    @property
    def name(self) -> str:
        """Identifier in snake_case, for example ``"fire"``."""
        ...

    @property
    def phrases(self) -> tuple[str, ...]:
        """What it draws, in words: 8 or more short descriptions. A text finds its renderer by similarity to these."""
        ...

    @property
    def typical_share(self) -> float:
        """Share of a whole scene that a typical occurrence changes, in 0…1."""
        ...

    @property
    def local(self) -> bool:
        """True where the event belongs to one object (a roof, a tank, a deck) and is best given a region."""
        ...

    def suitability(self, scene: Scene) -> FloatArray:
        """Where this event could happen: float32 [H, W] in 0…1, 0 = impossible here (fire on open water)."""
        ...

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        """Draw the event over ``scene``.

        area: float32 [H, W] in 0…1, where the event may change pixels (a region of interest, or a place of
            growth chosen from ``suitability``); nothing changes where it is 0. The drawing decides its own organic
            outline inside it, and need not fill it.
        severity: 0…1, from hardly visible to devastating; the changed share and contrast grow with it.
        """
        ...
