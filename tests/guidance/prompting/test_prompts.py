"""Ensembles of prompts: where they come from, what they lose, and the direction they give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, ServiceError
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.guidance.prompting.lexicon import wording
from comfyui_sinddm_rs.guidance.prompting.llm import LlmSettings
from comfyui_sinddm_rs.guidance.prompting.prompts import (
    DEFAULT_COUNT,
    MAX_COUNT,
    Prompt,
    PromptEnsemble,
    consistent,
    embed_ensemble,
    make_ensemble,
    parse_prompts,
)
from pytest_httpserver import HTTPServer
from torch import Tensor

TEXT = "A fire in the forest"
GOOD = [f"burning trees number {i}" for i in range(1, 10)]
PATH = "/v1/chat/completions"
KEY = "sk-planted-0123456789abcdef"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def llm(httpserver: HTTPServer, tmp_path: Path) -> LlmSettings:
    return LlmSettings("tiny", httpserver.url_for("/v1"), deadline=5.0, cache=tmp_path / "cache")


def answer(server: HTTPServer, prompts: Sequence[str]) -> None:
    message = {"role": "assistant", "content": json.dumps({"prompts": prompts})}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = {"id": "x", "object": "chat.completion", "created": 0, "model": "tiny", "choices": [choice]}
    server.expect_request(PATH).respond_with_json(body)


def texts(ensemble: PromptEnsemble) -> list[str]:
    return [prompt.text for prompt in ensemble.prompts]


@pytest.mark.parametrize("count", [1, 2, DEFAULT_COUNT, MAX_COUNT])
def test_offline_prompts_begin_with_the_request(count: int) -> None:
    ensemble = make_ensemble(f"  {TEXT} ", count=count)
    assert texts(ensemble)[0] == ensemble.request == TEXT
    assert len({wording(text) for text in texts(ensemble)}) == len(ensemble.prompts) == count
    assert ensemble == make_ensemble(TEXT, "offline", count)
    assert (ensemble.source, ensemble.dropped, ensemble.warnings) == ("offline", (), ())


def test_none_is_the_request_alone() -> None:
    assert make_ensemble(TEXT, "none") == PromptEnsemble(TEXT, (Prompt(TEXT),), "none")


@pytest.mark.parametrize(
    ("source", "count"), [("web", 10), ("offline", 0), ("offline", MAX_COUNT + 1), ("offline", 2.5)]
)
def test_what_cannot_be_made(source: str, count: int) -> None:
    with pytest.raises(InputError, match="; choose"):
        make_ensemble(TEXT, source, count)
    with pytest.raises(InputError, match="empty"):
        make_ensemble(" ")


def test_a_models_prompts_are_asked_for_once(httpserver: HTTPServer, llm: LlmSettings) -> None:
    answer(httpserver, GOOD)
    first = make_ensemble(TEXT, "llm", 10, llm)
    assert texts(first) == [TEXT, *GOOD]
    assert (first.source, first.warnings) == ("llm", ())
    assert make_ensemble(TEXT, "llm", 10, llm) == first
    assert len(httpserver.log) == 1
    assert len(make_ensemble(TEXT, "llm", 5, llm).prompts) == 5
    assert len(httpserver.log) == 2
    assert llm.cache is not None
    kept = [path.read_text(encoding="utf-8") for path in llm.cache.iterdir()]
    assert len(kept) == 2
    assert not any(KEY in content or "127.0.0.1" in content for content in kept)


def test_too_many_are_cut_and_too_few_filled_up(httpserver: HTTPServer, llm: LlmSettings) -> None:
    answer(httpserver, [*GOOD[:3], GOOD[0].upper(), "", "forest on fire"])
    assert texts(make_ensemble(TEXT, "llm", 3, llm)) == [TEXT, *GOOD[:2]]
    filled = make_ensemble(TEXT, "llm", 10, llm)
    assert texts(filled)[:5] == [TEXT, *GOOD[:3], "forest on fire"]
    assert len({wording(text) for text in texts(filled)}) == 10
    (warning,) = filled.warnings
    assert "4 of 9" in warning and "5 of the offline lexicon" in warning
    assert make_ensemble(TEXT, "llm", 10, llm) == filled  # from the kept answer


def test_a_silent_model_is_replaced_with_one_warning_or_an_error(httpserver: HTTPServer, llm: LlmSettings) -> None:
    httpserver.expect_request(PATH).respond_with_json({"error": {"message": f"bad key {KEY}"}}, status=401)
    ensemble = make_ensemble(TEXT, "llm", 10, llm)
    assert texts(ensemble) == texts(make_ensemble(TEXT))
    assert ensemble.source == "offline"
    (warning,) = ensemble.warnings
    assert "HTTP 401" in warning and "offline" in warning and KEY not in warning
    assert llm.cache is not None and not llm.cache.exists()
    required = LlmSettings(llm.model, llm.base_url, required=True, cache=llm.cache)
    with pytest.raises(ServiceError, match="HTTP 401"):
        make_ensemble(TEXT, "llm", 10, required)


def test_a_cache_that_cannot_be_written_is_a_warning(httpserver: HTTPServer, tmp_path: Path) -> None:
    answer(httpserver, GOOD)
    place = tmp_path / "file"
    place.write_text("")
    ensemble = make_ensemble(TEXT, "llm", 10, LlmSettings("tiny", httpserver.url_for("/v1"), cache=place))
    assert texts(ensemble) == [TEXT, *GOOD]
    assert len(ensemble.warnings) == 1 and "not kept" in ensemble.warnings[0]


def test_a_users_list() -> None:
    ensemble = parse_prompts(
        "# mine: 3\na fire:1.5 | smoke : .5\n\n  ship: on fire\nseen at 10:2e0|\n#x|y\nflames:\n", "burning"
    )
    assert ensemble.prompts == (
        Prompt("a fire", 1.5),
        Prompt("smoke", 0.5),
        Prompt("ship: on fire"),
        Prompt("seen at 10", 2.0),
        Prompt("flames:"),
    )
    assert (ensemble.request, ensemble.source) == ("burning", "list")


@pytest.mark.parametrize(
    "text",
    ["", " \n|", "# only this", "a fire:0", "a fire:-1", "a fire:nan", "a fire:inf", "a fire:1e9", "a fire:1,5", ":2",
     "a: 1.2.3", "a|" * (MAX_COUNT + 1), "word " * 201],
)  # fmt: skip
def test_a_list_that_cannot_be(text: str) -> None:
    with pytest.raises(InputError, match=r"; \w+"):
        parse_prompts(text, "burning")


# None of these was used to choose the filter's thresholds.
FITTING = {
    "a ship on fire": ["flames on the deck of a ship", "a burning vessel", "smoke and fire aboard the ship"],
    "Big holes on the deck": ["the deck has wide holes", "perforated ship deck"],
    "snow in the village": ["snow-covered houses", "the village lies under snow", "white roofs with snow"],
    "the warehouse is damaged": ["a wrecked warehouse", "the warehouse roof has collapsed"],
    "the meadow is flooded": ["water stands on the meadow", "a meadow under flood water", "inundated grassland"],
    "the overpass is broken": ["a collapsed overpass", "the overpass lies in ruins"],
}
STRAYS = {
    "a ship on fire": ["a marina with yachts", "green grass"],
    "Big holes on the deck": ["grass growing on the deck", "a lawn on the ship"],
    "snow in the village": ["green gardens in the village", "a parking lot"],
    "the warehouse is damaged": ["a lake among trees", "a car park at the warehouse"],
    "the meadow is flooded": ["a green meadow", "farmland with crop rows"],
    "the overpass is broken": ["a highway with traffic", "trees along the road"],
}


@pytest.mark.parametrize("request_", FITTING)
def test_strays_are_dropped_with_a_reason(compact: CompactGuide, request_: str) -> None:
    everything = [request_, *FITTING[request_], *STRAYS[request_]]
    ensemble = PromptEnsemble(request_, tuple(Prompt(text) for text in everything), "llm")
    filtered = consistent(ensemble, compact)
    assert set(STRAYS[request_]) <= {dropped.text for dropped in filtered.dropped}
    assert sorted(texts(filtered) + [dropped.text for dropped in filtered.dropped]) == sorted(everything)
    for dropped in filtered.dropped:
        assert "nearer to '" in dropped.reason or "far from the other prompts" in dropped.reason


def test_most_of_what_fits_stays(compact: CompactGuide) -> None:
    lost = []
    for request, fitting in FITTING.items():
        ensemble = PromptEnsemble(request, tuple(map(Prompt, (request, *fitting, *STRAYS[request]))), "llm")
        lost += [dropped.text for dropped in consistent(ensemble, compact).dropped if dropped.text in fitting]
    # The guide does not know that water which stands on a meadow is a flood, nor that inundated grassland is one.
    assert len(lost) <= 2, lost


def test_a_competing_scene_is_named_unless_the_request_is_near_it(compact: CompactGuide) -> None:
    grass = "grass growing on the deck"
    ensemble = PromptEnsemble("holes in the deck", (Prompt("holes in the deck"), Prompt(grass)), "llm")
    (dropped,) = consistent(ensemble, compact, ["a lawn", "the sea"]).dropped
    assert (dropped.text, "a lawn" in dropped.reason) == (grass, True)
    wanted = PromptEnsemble("a lawn on the deck", (Prompt("a lawn on the deck"), Prompt(grass)), "llm")
    assert consistent(wanted, compact, ["a lawn", "the sea"]) == wanted


def test_without_competing_scenes_the_far_ones_still_go(compact: CompactGuide) -> None:
    ensemble = PromptEnsemble("wildfire", tuple(map(Prompt, ("wildfire", "burning trees", "a swimming pool"))), "llm")
    filtered = consistent(ensemble, compact, [])
    assert [dropped.text for dropped in filtered.dropped] == ["a swimming pool"]
    assert "far from" in filtered.dropped[0].reason


def test_the_request_and_a_users_own_list_stay(compact: CompactGuide) -> None:
    alone = PromptEnsemble("a fire", tuple(map(Prompt, ("a fire", "a green meadow", "grass", "a field"))), "llm")
    assert texts(consistent(alone, compact))[0] == "a fire"
    own = parse_prompts("a fire | a green meadow", "a fire")
    assert consistent(own, compact) is own
    assert consistent(make_ensemble("a fire", "none"), compact).dropped == ()


def test_the_direction_is_the_weighted_mean_of_prompts_and_templates(colour_guide: Guide) -> None:
    own = parse_prompts("red:3|green", "red")
    torch.testing.assert_close(embed_ensemble(own, colour_guide), torch.tensor([3.0, 1.0, 0.0]) / 10**0.5)
    tiny = parse_prompts("blue:1e-300", "blue")
    torch.testing.assert_close(embed_ensemble(tiny, colour_guide), torch.tensor([0.0, 0.0, 1.0]))

    class Counting:
        name = "counting"
        asked: list[tuple[str, ...]] = []  # noqa: RUF012

        def embed_images(self, images: Tensor) -> Tensor:
            return images

        def embed_texts(self, texts: Sequence[str]) -> Tensor:
            self.asked.append(tuple(texts))
            return torch.eye(4)[: len(texts)]

    guide = Counting()
    torch.testing.assert_close(
        embed_ensemble(own, guide, ("{}", "seen: {}")), torch.tensor([3.0, 3.0, 1.0, 1.0]) / 20**0.5
    )
    assert guide.asked == [("red", "seen: red", "green", "seen: green")]


def test_the_direction_is_a_unit_vector_near_to_every_prompt(compact: CompactGuide) -> None:
    ensemble = consistent(make_ensemble("Large fire on the ship"), compact)
    direction = embed_ensemble(ensemble, compact)
    torch.testing.assert_close(direction.norm(), torch.tensor(1.0))
    assert float((compact.embed_texts(texts(ensemble)) @ direction).min()) > 0.6
