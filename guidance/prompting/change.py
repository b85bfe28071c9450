"""A change as the offline lexicon knows it: how people ask for it, and in which words it is seen from above."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A change as people speak of it.

    meant: pattern found in a lower-case request that means it. of: nouns one of which the request must name, any of
    them where empty. about, plain: phrasings with and without the slot {subject}, the nearest first; {colour} becomes
    the request's colour and a blank, or nothing. not_of: words that name the change itself and are no subject of it.
    supersedes: changes that the same words would mean too. tone: the colour (sRGB in 0…1) that it has by itself.
    """

    name: str
    meant: str
    about: tuple[str, ...]
    plain: tuple[str, ...]
    of: str = ""
    not_of: str = ""
    supersedes: tuple[str, ...] = ()
    tone: tuple[float, float, float] | None = None

    def is_meant(self, words: str) -> bool:
        """Whether lower-case ``words`` speak of this change."""
        return bool(re.search(rf"\b(?:{self.meant})", words)) and bool(re.search(rf"\b(?:{self.of})", words))

    def may_happen_to(self, subject: str) -> bool:
        """Whether this change makes sense of a lower-case ``subject``."""
        return not self.not_of or not re.match(self.not_of, subject)


def phrasings(text: str) -> tuple[str, ...]:
    """What a text holds between semicolons, each on one line."""
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))
