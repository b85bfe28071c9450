"""How people speak of changes seen from above: rephrasing a request without a language model.

A request's change and subject are recognised by their words; the change's phrasings are then filled with the subject.
A request whose change is not known, or that negates one, is only put into neutral frames. Nothing here is random.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from ..compact.vocabulary import COLOURS
from .change import Change
from .drawn_changes import DRAWN_CHANGES
from .further_changes import FURTHER_CHANGES

PLAIN_SCENES = (
    "a grass field", "a green meadow", "a forest", "trees", "farmland", "bare soil", "a desert", "a beach",
    "the open sea", "a lake", "a river", "a harbour with ships", "a road", "a bridge over a river", "a parking lot",
    "an airport runway", "houses and gardens", "a city", "factory roofs", "storage tanks",
)  # fmt: skip
"""Scenes where nothing happens: what a prompt may slip into instead of its request."""

SUBJECTS = (
    "storage tank", "oil tank", "fuel tank", "water tank", "tank farm", "storage", "tank", "silo", "refinery",
    "power plant", "solar farm", "wind turbine", "chimney", "factory", "factories", "warehouse", "hangar", "greenhouse",
    "ship deck", "deck", "container ship", "cargo ship", "ship", "tanker", "vessel", "ferry", "ferries", "boat", "hull",
    "barge", "pier", "quay", "harbour", "harbor", "port", "marina", "dam", "bridge deck", "bridge", "overpass",
    "viaduct", "flyover", "motorway", "highway", "freeway", "road", "street", "railway", "runway", "airport", "apron",
    "airplane", "aeroplane", "aircraft", "plane", "car park", "parking lot", "pavement", "train", "car", "truck",
    "rooftop", "roof", "house", "home", "building", "skyscraper", "tower", "church", "school", "hospital", "barn",
    "farm", "village", "town", "city", "cities", "suburb", "residential area", "neighbourhood", "neighborhood",
    "stadium", "tennis court", "golf course", "playground", "park", "garden", "lawn", "meadow", "grassland", "pasture",
    "cropland", "farmland", "field", "crop", "orchard", "vineyard", "plantation", "rice paddy", "forest", "woodland",
    "woods", "jungle", "tree", "shrub", "hillside", "hill", "slope", "mountain", "volcano", "valley", "cliff", "island",
    "coast", "shore", "beach", "riverbank", "river bank", "river", "stream", "canal", "creek", "lake", "pond",
    "reservoir", "lagoon", "wetland", "marsh", "bay", "ocean", "sea", "water", "desert", "ground", "land", "soil",
)  # fmt: skip
"""Things on the ground that a change happens to; each is recognised in its plural too."""

FRAMES = (
    "{}, seen from above",
    "aerial view: {}",
    "satellite image: {}",
    "{}, in an aerial photograph",
    "remote sensing image: {}",
    "overhead view: {}",
    "{}, as seen from an aeroplane",
    "bird's-eye view: {}",
    "{}, in a satellite photo",
    "drone picture: {}",
    "high resolution aerial image: {}",
    "{}, viewed straight down",
)
"""Ways to say that a picture is taken from above, and nothing else."""

CHANGES = (*DRAWN_CHANGES, *FURTHER_CHANGES)

NEGATION = re.compile(
    r"\b(no|not|without|never|nothing|remove(?! (?:\w+ ){0,3}(?:hous|home|building|tree|forest|wood))"
    r"|extinguish\w*|put out|prevent\w*|undamaged|intact|un(?:burnt|burned|flooded)|before)\b|n't\b"
)
"""Words that say what is not to be seen."""
CONTRARY = re.compile(r"\b(repair\w*|rebuil\w*|restor\w*|instead)\b")
"""Further words that may turn a change into its contrary."""

_SUBJECT = re.compile(rf"\b(?:{'|'.join(sorted(SUBJECTS, key=len, reverse=True))})(?:s|es)?\b")
_COLOUR = re.compile(rf"\b(?:{'|'.join(name for name in COLOURS if name not in ('ice', 'sand'))})\b")
_TURNING = r"turn\w*|becom\w*|became|paint\w*|dyed?|colou?red|in|into|to|is|are|with"
_NEW_COLOUR = re.compile(rf"\b(?:{_TURNING}) (?:[a-z]+ ){{0,3}}({_COLOUR.pattern})")
_TONE = 0.6
"""How much of a change's own tone is in the colour that is asked for."""
_ARTICLE = re.compile(r"\ban?(?= ([a-z]))")


def wording(text: str) -> str:
    """What two texts share that differ in case, blanks and punctuation only. It is empty where there is no word."""
    return " ".join(re.findall(r"\w+", text.casefold()))


@dataclass(frozen=True)
class Reading:
    """What the lexicon understands of a request: its changes (at most two), the subject and colour or "".

    negated: whether it says what is not to be seen, so that no change is read.
    """

    changes: tuple[Change, ...]
    subject: str
    colour: str
    negated: bool


def read_request(text: str) -> Reading:
    """Recognise the changes of a request by its words. None where it speaks of none, or of none that happens."""
    words = text.casefold().replace("’", "'").replace("-", " ")
    subjects = _SUBJECT.findall(words)
    colour = _COLOUR.search(words)
    negated = bool(NEGATION.search(words))
    contrary = negated or CONTRARY.search(words)
    found = [] if contrary else [change for change in CHANGES if change.is_meant(words)]
    superseded = {name for change in found for name in change.supersedes}
    changes = tuple(change for change in found if change.name not in superseded)[:2]
    fitting = [each for each in subjects if all(change.may_happen_to(each) for change in changes)]
    return Reading(changes, fitting[0] if fitting else "", colour.group() if colour else "", negated)


def wanted_colour(text: str) -> tuple[float, float, float] | None:
    """The colour, sRGB in 0…1, that a text asks for or that its change has by itself; None for none, or several.

    Where there are both ("red algae") it lies between them: what grows or freezes is not as bright as paint.
    """
    words = text.casefold()
    named = set(_COLOUR.findall(words))
    if len(named) > 1:
        named = set(_NEW_COLOUR.findall(words))
    said = COLOURS[named.pop()].rgb if len(named) == 1 else None
    tone = next((change.tone for change in read_request(text).changes if change.tone), None)
    if said is None or tone is None:
        return said or tone
    red, green, blue = (_TONE * own + (1.0 - _TONE) * pure for own, pure in zip(tone, said, strict=True))
    return red, green, blue


def rephrase(text: str, count: int) -> list[str]:
    """At most ``count`` other ways to say ``text``, the closest first; none says the same in other punctuation."""
    reading = read_request(text)
    said = list(_interleaved(_phrasings(change, reading) for change in reading.changes))
    request = _inner(text)
    framed = [frame.format(phrase) for phrase in (request, *said) for frame in FRAMES]
    known = {wording(text)}
    result: list[str] = []
    for phrase in chain(said, framed):
        if len(result) == count:
            break
        if wording(phrase) not in known:
            known.add(wording(phrase))
            result.append(phrase)
    return result


def _phrasings(change: Change, reading: Reading) -> Iterator[str]:
    templates = (*change.about, *change.plain) if reading.subject else change.plain
    colour = f"{reading.colour} " if reading.colour else ""
    for template in templates:
        phrase = template.format(subject=reading.subject, colour=colour).strip()
        yield _ARTICLE.sub(lambda found: "an" if found.group(1) in "aeiou" else "a", phrase)


def _interleaved(groups: Iterable[Iterator[str]]) -> Iterator[str]:
    for row in zip_longest(*groups):
        yield from (phrase for phrase in row if phrase is not None)


def _inner(text: str) -> str:
    """The text as a part of a sentence: no full stop, and a small first letter unless it stands for a name."""
    words = text.strip().rstrip(".!").rstrip()
    return words[:1].lower() + words[1:] if words[1:2].islower() or words[1:2] == " " else words
