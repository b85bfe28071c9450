"""Texts as a CLIP's text tower wants them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ...errors import InputError

log = logging.getLogger(__name__)


def checked_texts(texts: Sequence[str], truncated: Callable[[str], bool], reads: str) -> list[str]:
    """The texts, with a warning for each that loses its end; ``reads`` says how much of one is read, and by whom.

    Raises InputError for an empty one, and where there is none.
    """
    if not texts or not all(text.strip() for text in texts):
        raise InputError("The prompt is empty; describe in a few words what the image should show.")
    for text in texts:
        if truncated(text):
            log.warning("%s; the end is not read of: %s", reads, text)
    return list(texts)
