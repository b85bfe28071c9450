"""Several events over one scene: each drawn by itself, then laid over one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .events import ABOVE_ALL, Event
from .exemplars import Canvas, DrawnExemplar, draw_exemplars
from .masks import blur, grow

RIM = 0.3
"""Width of the ground that is left as it was around what lies above, as a share of its size."""


def draw_together(
    canvas: Canvas, events: Sequence[Event], rng: np.random.Generator, count: int
) -> tuple[tuple[str, ...], list[DrawnExemplar]]:
    """The names of the events that have a place on ``canvas``, and at most ``count`` drawings of all these together."""
    layers = [
        (event.name, drawn)
        for event in sorted(events, key=_height)
        if (drawn := draw_exemplars(canvas, event, rng, count))
    ]
    if not layers:
        return (), []
    together, *above = (drawn for _, drawn in layers)
    for drawn in above:
        together = [_over(canvas.image, low, high) for low, high in zip(together, drawn, strict=False)]
    return tuple(name for name, _ in layers), together


def _height(event: Event) -> int:
    """What covers the ground lies lowest, then what happens to one object."""
    return ABOVE_ALL.index(event) + 2 if event in ABOVE_ALL else int(event.local)


def _over(image: Tensor, below: DrawnExemplar, above: DrawnExemplar) -> DrawnExemplar:
    """Both drawings of ``image``, the one over the other (Porter and Duff's "over", doi:10.1145/964965.808606)."""
    # The ground around an object stays as it was: a flood that begins at a damaged roof's hole would drown the roof.
    reach = round(RIM * float((above.mask > 0.3).float().sum().sqrt()))
    bare = 1.0 - blur(grow(above.mask, reach), max(1.0, 0.5 * reach)) if reach > 0 else torch.ones_like(above.mask)
    # A drawing is the scene mixed with what is new by its mask; here what lies below takes the scene's part.
    drawn = above.image + (1.0 - above.mask) * bare * (below.image - image.cpu())
    mask = bare * below.mask
    return DrawnExemplar(drawn.clamp(0.0, 1.0), mask + above.mask * (1.0 - mask))
