"""What the offline lexicon understands of a request, and what it says instead."""

from __future__ import annotations

import re

import pytest
from comfyui_sinddm_rs.guidance.events import EVENTS
from comfyui_sinddm_rs.guidance.prompting.lexicon import CHANGES, FRAMES, read_request, rephrase, wanted_colour, wording


@pytest.mark.parametrize(
    ("text", "changes", "subject"),
    [
        ("A fire in the forest", ["fire"], "forest"),
        ("The bridge is collapsed", ["collapsed_bridge"], "bridge"),
        ("The river is flooding", ["flood"], "river"),
        ("The house is damaged", ["damaged_building"], "house"),
        ("Cracks on the storage", ["cracks"], "storage"),
        ("Big holes on deck", ["holes"], "deck"),
        ("Two storage tanks are burning!", ["fire"], "storage tanks"),
        ("the hillside has collapsed", ["landslide"], "hillside"),
        ("the land after a forest fire", ["burn_scar"], "land"),
        ("The river bank is flooded by water", ["flood"], "river bank"),
        ("clouds of smoke", ["smoke"], ""),
        ("algae bloom", ["algae"], ""),
        ("a fire and a flood", ["fire", "flood"], ""),
        ("a fire station", [], ""),
        ("The river has turned brown with mud", ["recolouring"], "river"),
        ("Sand covers the airport", ["desertification"], "airport"),
        ("a herd of zebras", [], ""),
    ],
)
def test_reading(text: str, changes: list[str], subject: str) -> None:
    reading = read_request(text)
    assert [change.name for change in reading.changes] == changes
    assert reading.subject == subject or not changes


@pytest.mark.parametrize(
    "text", ["no snow", "Extinguish the fire", "the bridge isn't damaged", "a forest without smoke"]
)
def test_a_negated_change_is_no_change(text: str) -> None:
    assert read_request(text).changes == ()
    assert all(wording(text) in wording(phrase) for phrase in rephrase(text, 9))


def test_a_fire_on_a_ship() -> None:
    phrases = rephrase("Large fire on the ship", 9)
    assert {"ship on fire", "heavily burning ship"} <= set(phrases)
    assert "heavily burning" in rephrase("Large fire", 9)


def test_the_colour_of_the_request_is_kept() -> None:
    phrases = rephrase("orange smoke over the factories", 9)
    assert sum("orange" in phrase for phrase in phrases) > 6
    painted = rephrase("paint the roofs orange", 20)
    assert "an orange coat of paint" in painted
    assert not any(re.search(r"\ba [aeiou]|\ban [^aeiou]|  | $", phrase) for phrase in (*phrases, *painted))
    assert not any("orange" in phrase for phrase in rephrase("smoke over the factories", 9))


@pytest.mark.parametrize(
    ("text", "strongest", "weakest"),
    [
        ("The red roofs were painted blue", 2, 0),
        ("turn the red roofs blue", 2, 0),
        ("covered with purple flowers", 2, 1),
        ("algae bloom in the lake", 1, 2),
        ("Red algae", 0, 2),
        ("The lake is frozen", 2, 0),
        ("Sand covers the airport", 0, 2),
    ],
)
def test_the_colour_that_is_asked_for(text: str, strongest: int, weakest: int) -> None:
    colour = wanted_colour(text)
    assert colour is not None and all(0.0 <= band <= 1.0 for band in colour)
    assert colour.index(max(colour)) == strongest and colour.index(min(colour)) == weakest


@pytest.mark.parametrize("text", ["a fire", "a red and a blue roof", "blue water instead of green"])
def test_no_colour_or_several_are_asked_for(text: str) -> None:
    assert wanted_colour(text) is None


def test_an_unknown_request_keeps_all_its_words() -> None:
    phrases = rephrase("A herd of zebras.", 9)
    assert phrases == [frame.format("a herd of zebras") for frame in FRAMES[:9]]
    assert rephrase("NDVI drop", 1) == [FRAMES[0].format("NDVI drop")]


@pytest.mark.parametrize("text", ["Large fire on the ship", "snow", "a herd of zebras", "山火", "?!"])
@pytest.mark.parametrize("count", [0, 1, 9, 49])
def test_phrases_differ_and_are_no_more_than_asked(text: str, count: int) -> None:
    phrases = rephrase(text, count)
    assert len({wording(phrase) for phrase in (text, *phrases)}) == len(phrases) + 1 <= count + 1
    assert len(phrases) >= min(count, len(FRAMES) - 1)
    assert phrases == rephrase(text, count)


def test_every_event_and_change_is_complete() -> None:
    assert {event.name for event in EVENTS} <= {change.name for change in CHANGES}
    for change in CHANGES:
        assert set(change.supersedes) <= {other.name for other in CHANGES}
        assert len(change.about) + len(change.plain) >= 6
        assert not any("{subject}" in phrase for phrase in change.plain)
        assert all("{subject}" in phrase for phrase in change.about)
        for phrase in (*change.about, *change.plain):
            assert len(phrase.split()) <= 12


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event.name))
def test_an_events_own_phrases_are_mostly_recognised(event: object) -> None:
    phrases = event.phrases  # type: ignore[attr-defined]
    found = [event.name in {c.name for c in read_request(phrase).changes} for phrase in phrases]  # type: ignore[attr-defined]
    assert sum(found) >= 0.7 * len(phrases), [p for p, hit in zip(phrases, found, strict=True) if not hit]
