"""Which events a text speaks of: by its words, by the lexicon, and clause by clause."""

from __future__ import annotations

import re

from torch import Tensor

from .compact.guide import VOCABULARY_THRESHOLD, CompactGuide
from .compact.vocabulary import OTHER_EVENTS_SHOWN
from .events import EVENTS
from .events.base import Event
from .guide import Guide
from .guides import load_guide
from .prompting.lexicon import read_request

LOOKUP_THRESHOLD = 0.65
"""Least similarity of a text to an event's phrases for the event to be drawn."""

_BY_NAME = {event.name: event for event in EVENTS}
_CAUSE = re.compile(r"\b(?:by|due to|because of|as a result of|after)\b")
_CLAUSES = re.compile(r"[,;.:]|\b(?:and|while|as well as|plus|after which)\b")


def lookup_guide(guide: Guide) -> CompactGuide:
    """The guide whose text side finds events: its thresholds were measured, those of others were not."""
    if isinstance(guide, CompactGuide):
        return guide
    compact = load_guide("compact")
    assert isinstance(compact, CompactGuide)
    return compact


def is_known(guide: CompactGuide, text: str) -> bool:
    """Whether the guide was taught words like those of the text."""
    return guide.vocabulary_similarity(text) >= VOCABULARY_THRESHOLD


def is_negated(text: str) -> bool:
    """Whether a text says only what is not to be seen, such as "no fire"."""
    clauses = [clause for clause in _CLAUSES.split(text) if clause.strip()]
    return bool(clauses) and all(read_request(clause).negated for clause in clauses)


def nearest_event(guide: Guide, text_embedding: Tensor) -> tuple[Event | None, float]:
    """The event whose phrases lie nearest to the text (unit vector [D]), None below the threshold; its similarity."""
    best, best_similarity = None, -1.0
    for event in EVENTS:
        near = (guide.embed_texts(event.phrases) @ text_embedding).topk(min(3, len(event.phrases))).values
        similarity = float(near.mean())
        if similarity > best_similarity:
            best, best_similarity = event, similarity
    return (best if best_similarity >= LOOKUP_THRESHOLD else None), best_similarity


def find_events(guide: CompactGuide, text: str) -> tuple[Event, ...]:
    """The events to draw for a text, in the order in which it names them; none where it speaks of none.

    It speaks of several where the lexicon finds different ones in different clauses ("a flooded village, roofs
    damaged"), for one clause may name an event in the words of another ("a damaged deck with holes"). Words count more
    than nearness: of the phrasings that the guide was trained with the lexicon finds more than the guide itself.
    """
    named = [event for clause in _CLAUSES.split(text) if (event := _named(guide, clause)) is not None]
    if len(set(named)) > 1:
        return tuple(dict.fromkeys(_unshown(named)))
    found = _named(guide, text) or (named[0] if named else None)
    if found is None:
        found = _nearest_unread(guide, text)
    return () if found is None else (found,)


def _nearest_unread(guide: CompactGuide, text: str) -> Event | None:
    """The event whose phrases lie nearest to a text of which the lexicon reads nothing, neither change nor negation."""
    reading = read_request(text)
    if reading.changes or reading.negated or not is_known(guide, text):
        return None
    return nearest_event(guide, guide.embed_texts([text])[0])[0]


def _named(guide: CompactGuide, clause: str) -> Event | None:
    """The event that the lexicon reads in a clause; where it reads two, the one that is nearest to its words.

    What a cause did counts rather than the cause: a bridge that was washed away by a flood is a collapsed bridge.
    """
    named = _read(clause)
    if len(named) > 1:
        named = _unshown(_read(_CAUSE.split(clause, maxsplit=1)[0]) or named)
    if len(named) < 2:
        return named[0] if named else None
    nearest = nearest_event(guide, guide.embed_texts([clause])[0])[0]
    return nearest if nearest in named else named[0]


def _read(clause: str) -> list[Event]:
    return [_BY_NAME[change.name] for change in read_request(clause).changes if change.name in _BY_NAME]


def _unshown(events: list[Event]) -> list[Event]:
    """Without those that the drawing of another one shows anyway, as a fire's shows smoke."""
    shown = {other for event in events for other in OTHER_EVENTS_SHOWN.get(event.name, ())}
    return [event for event in events if event.name not in shown]
