"""Pictures of an image in which an event has come true, for a network to learn the event from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .checks import checked_image
from .event_lookup import find_events, lookup_guide
from .exemplars import Canvas, draw_exemplars
from .guides import load_guide
from .settings import EditSettings, check_prompt

PICTURES = 6
"""Drawings a network learns from: more than one edit needs, so that it does not know one place and shape only."""


def event_pictures(image: Tensor, text: str, seed: int = 0, count: int = PICTURES) -> tuple[str, list[Tensor]]:
    """The name of the (first) event that ``text`` speaks of, and ``count`` drawings of it over ``image``.

    image: float [C, H, W] in 0…1, as the drawings. Raises InputError where the text names no event that can be drawn,
    or where the image has no place for it.
    """
    source, text = checked_image(image, "The image"), check_prompt(text)
    guide = load_guide(EditSettings.guide)
    with torch.inference_mode(False), torch.no_grad():
        target = guide.embed_texts([text])[0]
        events = find_events(lookup_guide(guide), text)
        if not events:
            raise InputError(f"No event that can be drawn was found in '{text}'; name it more plainly.")
        event = events[0]
        drawn = draw_exemplars(Canvas(source, guide, target, text), event, np.random.default_rng(seed), count)
    if not drawn:
        raise InputError(f"The image has no place for '{event.name}'; choose another event or picture.")
    return event.name, [each.image for each in drawn]
