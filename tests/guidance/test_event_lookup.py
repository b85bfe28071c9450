"""Which events a text speaks of."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.event_lookup import LOOKUP_THRESHOLD, find_events, is_negated, nearest_event
from comfyui_sinddm_rs.guidance.events import EVENTS

BY_NAME = {event.name: event for event in EVENTS}


class PhraseGuide:
    """Texts are axes: an event's k-th phrase lies at similarity ``near[event][k]`` to the first axis."""

    name = "phrases"

    def __init__(self, near: dict[str, list[float]]) -> None:
        self.near = {
            phrase: value
            for event, values in near.items()
            for phrase, value in zip(BY_NAME[event].phrases, values, strict=False)
        }

    def embed_images(self, _images):
        raise AssertionError("finding an event looks at no image")

    def embed_texts(self, texts):
        first = torch.tensor([self.near.get(text, 0.0) for text in texts])
        return torch.stack([first, (1.0 - first**2).sqrt()], 1)


TARGET = torch.tensor([1.0, 0.0])


@pytest.mark.parametrize("name", ["fire", "flood", "oil_spill"])
def test_the_nearest_event_is_found(name):
    event, similarity = nearest_event(PhraseGuide({name: [0.9, 0.8, 0.7], "smoke": [0.6, 0.6, 0.6]}), TARGET)
    assert event is BY_NAME[name]
    assert similarity == pytest.approx(0.8)


def test_three_near_phrases_count_more_than_one_that_happens_to_fit():
    guide = PhraseGuide({"fire": [1.0, 0.3, 0.3], "snow": [0.95, 0.9, 0.9]})
    assert nearest_event(guide, TARGET)[0] is BY_NAME["snow"]


@pytest.mark.parametrize(("offset", "found"), [(0.01, True), (-0.01, False)])
def test_below_the_threshold_there_is_no_event(offset, found):
    event, similarity = nearest_event(PhraseGuide({"fire": [LOOKUP_THRESHOLD + offset] * 3}), TARGET)
    assert (event is BY_NAME["fire"]) if found else (event is None)
    assert similarity == pytest.approx(LOOKUP_THRESHOLD + offset, abs=1e-5)


@pytest.mark.parametrize("text", ["quarterly tax invoice", "a green meadow", "an airport with parked aeroplanes"])
def test_the_compact_guide_finds_no_event_where_there_is_none(compact, text):
    assert nearest_event(compact, compact.embed_texts([text])[0])[0] is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A flooded village after a storm, roofs damaged", ["flood", "damaged_building"]),
        ("the forest burned and the river flooded", ["burn_scar", "flood"]),
        ("a tsunami has hit the coast", ["debris"]),
        ("snow on the fields; the bridge is collapsed", ["snow", "collapsed_bridge"]),
        ("a fire in the forest and thick smoke", ["fire"]),
        ("a damaged deck with holes", ["holes"]),
        ("mud and rock slid down the hill", ["landslide"]),
        ("The river is flooding", ["flood"]),
        ("a green meadow, and a lake", []),
    ],
)
def test_events_of_a_sentence(compact, text, names):
    assert [event.name for event in find_events(compact, text)] == names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("the bridge has been washed away by the flood", "collapsed_bridge"),
        ("the village was destroyed by the tsunami", "damaged_building"),
        ("fields flooded by the hurricane", "flood"),
        ("the village after a flood", "flood"),
    ],
)
def test_what_a_cause_did_counts_rather_than_the_cause(compact, text, name):
    assert [event.name for event in find_events(compact, text)] == [name]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("oil tank explosion", "fire"),
        ("a forest fire with thick black smoke", "fire"),
        ("the roof was blown off by the storm", "damaged_building"),
        ("the ship is damaged", "holes"),
        ("potholes on the road", "craters"),
        ("big holes in the runway", "craters"),
        ("bomb craters", "craters"),
        ("bomb craters in the deck of the ship", "holes"),
        ("a hole in the roof", "holes"),
        ("the crops are dying", "drought"),
        ("the levee failed", "flood"),
        ("remove the house", "removed_buildings"),
        ("remove the trees", "deforestation"),
        ("a road through the forest", "new_road"),
    ],
)
def test_events_in_other_words(compact, text, name):
    assert [event.name for event in find_events(compact, text)] == [name]


@pytest.mark.parametrize("text", ["dust storm", "scattered clouds", "heavy corrosion", "an explosion of colours"])
def test_another_change_that_the_lexicon_knows_is_no_event(compact, text):
    assert find_events(compact, text) == ()


@pytest.mark.parametrize(
    "text", ["no fire", "put out the fire", "remove the snow", "no houses, no roads", "the forest before the fire"]
)
def test_what_is_not_to_be_seen_is_not_drawn(compact, text):
    assert is_negated(text) and find_events(compact, text) == ()


@pytest.mark.parametrize(
    "text", ["the river is flooding and no house is damaged", "remove the house", "a rebuilt village", "a fire", "..."]
)
def test_what_is_to_be_seen_is_no_negation(text):
    assert not is_negated(text)


def test_no_clause_of_a_negation_counts(compact):
    assert [event.name for event in find_events(compact, "the river is flooding and no house is damaged")] == ["flood"]
