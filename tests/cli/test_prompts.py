"""``sinddm-rs prompts``."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from comfyui_sinddm_rs.cli import main
from comfyui_sinddm_rs.guidance.prompting.prompts import make_ensemble
from pytest_httpserver import HTTPServer

TEXT = "The bridge is collapsed"
PATH = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("SINDDM_RS_CACHE", str(tmp_path / "cache"))


def test_lines_for_people_and_one_object_for_scripts(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", TEXT, "--n", "6"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    *lines, last = out.splitlines()
    answer = json.loads(last)
    assert list(answer) == ["text", "source", "prompts", "dropped", "warnings", "seconds"]
    assert (answer["text"], answer["source"], answer["warnings"]) == (TEXT, "offline", [])
    assert [prompt["text"] for prompt in answer["prompts"]] == [p.text for p in make_ensemble(TEXT, count=6).prompts]
    assert lines == [f"{prompt['similarity']:.2f}\t{prompt['text']}" for prompt in answer["prompts"]]
    assert all(0.6 < prompt["similarity"] <= 1.0 and prompt["weight"] == 1.0 for prompt in answer["prompts"])


def test_a_model_is_asked_and_its_strays_are_named(capfd: pytest.CaptureFixture[str], httpserver: HTTPServer) -> None:
    content = json.dumps({"prompts": ["a broken bridge", "a green meadow"]})
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    httpserver.expect_request(PATH).respond_with_json({"choices": [choice]})
    asked = ["prompts", TEXT, "--n", "3", "--llm", "--base-url", httpserver.url_for("/v1"), "--llm-model", "tiny:1b"]
    assert main(asked) == 0
    out, err = capfd.readouterr()
    answer = json.loads(out.splitlines()[-1])
    assert [prompt["text"] for prompt in answer["prompts"]] == [TEXT, "a broken bridge"]
    assert answer["source"] == "llm"
    assert [dropped["text"] for dropped in answer["dropped"]] == ["a green meadow"]
    assert re.fullmatch(r"sinddm-rs: dropped 'a green meadow': nearer to .*\n", err)
    assert json.loads(httpserver.log[0][0].data)["model"] == "tiny:1b"


def test_no_key_is_a_warning_or_with_required_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", TEXT, "--llm"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out.splitlines()[-1])["source"] == "offline"
    assert err.count("\n") == 1 and "OPENAI_API_KEY" in err and "offline" in err
    assert main(["prompts", TEXT, "--llm", "required"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and "OPENAI_API_KEY" in err


def test_a_list_of_ones_own(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\ufeffa fallen bridge:2\na green meadow | brücke\n", encoding="utf-8")
    assert main(["prompts", TEXT, "--prompts", str(tmp_path / "list.txt")]) == 0
    answer = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert answer["source"] == "list"
    assert [(prompt["text"], prompt["weight"]) for prompt in answer["prompts"]] == [
        ("a fallen bridge", 2.0),
        ("a green meadow", 1.0),
        ("brücke", 1.0),
    ]


def test_a_terminal_without_the_prompts_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    assert main(["prompts", "Brücke kaputt", "--n", "2"]) == 0
    terminal.flush()
    first, *_, last = written.getvalue().splitlines()
    assert b"Br\\xfccke kaputt" in first
    assert json.loads(last)["text"] == "Brücke kaputt"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((" ",), "empty"),
        ((TEXT, "--n", "0"), "0 prompts"),
        ((TEXT, "--n", "ten"), "--n"),
        ((TEXT, "--llm", "perhaps"), "--llm"),
        ((TEXT, "--llm", "--base-url", "localhost:11434"), "base URL"),
        ((TEXT, "--base-url", "http://localhost:11434/v1"), "--llm"),
        ((TEXT, "--llm", "--llm-model", ""), "language model"),
        ((TEXT, "--prompts", "missing.txt"), "missing.txt"),
        ((TEXT, "--prompts", "scene.png"), "scene.png"),
        ((TEXT, "--prompts", "scene.png", "--llm"), "not allowed"),
    ],
)
def test_refused(refused: Callable[..., None], arguments: tuple[str, ...], word: str) -> None:
    refused(("prompts", *arguments), word)
