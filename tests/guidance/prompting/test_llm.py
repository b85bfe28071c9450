"""Asking a language model, against a real OpenAI-compatible server on the loopback."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from comfyui_sinddm_rs.errors import InputError, ServiceError
from comfyui_sinddm_rs.guidance.prompting.llm import LlmSettings, ask_llm, clean_prompts, read_prompts
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

TEXT = "The bridge is collapsed"
KEY = "sk-planted-0123456789abcdef"
GOOD = ["a broken bridge", "the bridge has fallen", "ruins of a bridge", "a gap in the bridge"]
PATH = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def at(server: HTTPServer, **options: Any) -> LlmSettings:
    return LlmSettings("tiny", server.url_for("/v1"), cache=None, **options)


def said(content: str | None, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "tiny", "choices": [choice]}


def answer(server: HTTPServer, content: str | None, **more: Any) -> None:
    server.expect_request(PATH, method="POST").respond_with_json(said(content, **more))


def failure(settings: LlmSettings) -> str:
    """The sentence of the failure, which must be one and hold nothing of the key, its traceback included."""
    with pytest.raises(ServiceError) as caught:
        ask_llm(TEXT, 4, settings)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    sentence = str(caught.value)
    assert sentence.endswith(".") and "; " in sentence and "\n" not in sentence
    return sentence


def test_a_good_answer_and_what_was_asked(httpserver: HTTPServer) -> None:
    answer(httpserver, json.dumps({"prompts": GOOD}))
    assert ask_llm(TEXT, 4, at(httpserver)) == GOOD
    ((request, _),) = httpserver.log
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    body = json.loads(request.data)
    assert body["model"] == "tiny"
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["prompts"]
    system, user = (message["content"] for message in body["messages"])
    assert "exactly 4" in system and "12 words" in system and TEXT in user


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(GOOD),
        json.dumps({"rephrasings": GOOD}),
        json.dumps([{"prompt": text} for text in GOOD]),
        json.dumps({f"prompt{i}": text for i, text in enumerate(GOOD)}),
        f"Sure [1]! As {{you}} wished:\n```json\n{json.dumps({'prompts': GOOD}, indent=2)}\n```\nAnything else?",
        f'<think>{{"prompts": ["a", "b", "c", "d", "e"]}}</think>{json.dumps({"prompts": GOOD})}',
        "Here they are:\n" + "\n".join(f'{i + 1}. "{text}"' for i, text in enumerate(GOOD)),
        "\n".join(f"- **{text}**" for text in GOOD) + "\nI hope this helps.",
    ],
)
def test_prompts_are_found_in_any_form(httpserver: HTTPServer, content: str) -> None:
    answer(httpserver, content)
    assert ask_llm(TEXT, 4, at(httpserver)) == GOOD


@pytest.mark.parametrize("nest", ["[" * 1_000_000, '{"a":' * 1_000_000, "[}" * 1_000_000])
def test_deep_nesting_is_not_tried_level_by_level(nest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, decode = list[int](), json.JSONDecoder.raw_decode

    def raw_decode(self: json.JSONDecoder, text: str, start: int = 0) -> tuple[Any, int]:
        tried.append(start)
        return decode(self, text, start)

    monkeypatch.setattr(json.JSONDecoder, "raw_decode", raw_decode)
    assert read_prompts(nest) == []
    assert 0 < len(tried) <= 200


def test_unusable_prompts_are_dropped() -> None:
    given = [
        *GOOD[:2],
        "A broken  BRIDGE!",
        TEXT.upper(),
        "",
        " \n",
        "...",
        "x" * 201,
        "bell\x07",
        "a \x1b[31mred",
        GOOD[2],
    ]
    assert clean_prompts(given, TEXT, 9) == GOOD[:3]
    assert clean_prompts(given, TEXT, 1) == GOOD[:1]


@pytest.mark.parametrize(
    "content", ["", None, "I'm sorry, I cannot do that.", "[]", '{"prompts": "none"}', "{", "[1, 2]", "null"]
)
def test_nothing_usable_is_a_failure(httpserver: HTTPServer, content: str | None) -> None:
    answer(httpserver, content)
    assert "no usable prompts" in failure(at(httpserver))


@pytest.mark.parametrize("body", ["<html>hello</html>", "[]", "{}", '{"choices": []}', '{"choices": [{}]}', "7", ""])
def test_a_server_that_is_no_such_server(httpserver: HTTPServer, body: str) -> None:
    httpserver.expect_request(PATH).respond_with_data(body, content_type="application/json")
    assert "no usable prompts" in failure(at(httpserver))


def test_a_refusal(httpserver: HTTPServer) -> None:
    answer(httpserver, None, refusal="I will not.")
    assert "refused" in failure(at(httpserver))


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_structured_answers_is_asked_plainly(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_ordered_request(PATH).respond_with_data("response_format unknown", status=status)
    httpserver.expect_ordered_request(PATH).respond_with_json(said(json.dumps(GOOD)))
    assert ask_llm(TEXT, 4, at(httpserver)) == GOOD
    assert ["response_format" in json.loads(request.data) for request, _ in httpserver.log] == [True, False]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_ordered_request(PATH).respond_with_data("later", status=status)
    httpserver.expect_ordered_request(PATH).respond_with_json(said(json.dumps(GOOD)))
    begun = time.monotonic()
    assert ask_llm(TEXT, 4, at(httpserver)) == GOOD
    assert time.monotonic() - begun > 0.4


def test_retries_are_bounded(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data("broken", status=500)
    assert "HTTP 500" in failure(at(httpserver))
    assert len(httpserver.log) == 3


@pytest.mark.parametrize(
    ("status", "word"), [(401, "OPENAI_API_KEY"), (403, "OPENAI_API_KEY"), (404, "model's name"), (400, "HTTP 400")]
)
def test_what_stays_wrong_is_not_repeated(httpserver: HTTPServer, status: int, word: str) -> None:
    echo = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
    httpserver.expect_request(PATH).respond_with_json(echo, status=status)
    assert word in failure(at(httpserver))
    assert len(httpserver.log) == (2 if status == 400 else 1)


@pytest.mark.parametrize(
    ("body", "headers"), [({"error": {"code": "insufficient_quota"}}, {}), ({}, {"Retry-After": "120"})]
)
def test_there_is_no_waiting_for_what_comes_too_late(
    httpserver: HTTPServer, body: dict[str, Any], headers: dict[str, str]
) -> None:
    httpserver.expect_request(PATH).respond_with_json(body, status=429, headers=headers)
    begun = time.monotonic()
    assert "HTTP 429" in failure(at(httpserver))
    assert time.monotonic() - begun < 3
    assert len(httpserver.log) == 1


def test_a_key_that_comes_back_goes_nowhere(httpserver: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer(httpserver, json.dumps({"prompts": [f"a bridge {KEY}", GOOD[0]]}))
    assert ask_llm(TEXT, 4, at(httpserver)) == GOOD[:1]
    assert KEY not in caplog.text


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "500 Broken"])
def test_a_key_in_status_and_headers_is_not_logged(status: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    head = f"HTTP/1.1 {status} {KEY}\r\nX-Echo: Bearer {KEY}\r\nx-request-id: {KEY}\r\nContent-Length: 0\r\n\r\n"
    with raw_server(head.encode()) as url:
        failure(LlmSettings("tiny", url, cache=None, deadline=1.4))
    assert KEY not in caplog.text


def test_what_others_log_with_the_same_client_stays(httpserver: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    import openai  # noqa: PLC0415 (slow)

    caplog.set_level(logging.DEBUG)

    def another(_: Request) -> Response:
        logging.getLogger("openai._base_client").warning("another's word")
        return Response(json.dumps(said(json.dumps(GOOD))), content_type="application/json")

    httpserver.expect_request(PATH).respond_with_handler(another)
    assert openai and ask_llm(TEXT, 4, at(httpserver)) == GOOD
    assert "another's word" in caplog.text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(httpserver: HTTPServer, status: int) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as elsewhere:
        for place in ("/other", elsewhere.replace("127.0.0.1", "localhost")):
            httpserver.expect_oneshot_request(PATH).respond_with_data(status=status, headers={"Location": place})
            assert f"sends requests elsewhere (HTTP {status})" in failure(at(httpserver))
    assert [request.path for request, _ in httpserver.log] == [PATH, PATH]


@contextmanager
def raw_server(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that sends the pieces with pauses, whatever is asked, and cuts the connection; its base URL."""
    stopped = threading.Event()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    if stopped.wait(pause):
                        return
                    try:
                        connection.sendall(piece)
                    except OSError:
                        break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        stopped.set()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"


@pytest.mark.parametrize(
    "pieces", [(), (b"HTTP/1.1 200 OK\r\nContent-",), (HEAD, b'{"choices": ['), (b"not http\r\n\r\n",)]
)
def test_a_cut_connection(pieces: tuple[bytes, ...]) -> None:
    with raw_server(*pieces) as url:
        settings = LlmSettings("tiny", url, cache=None, deadline=1.4)
        assert any(word in failure(settings) for word in ("cannot be reached", "no usable prompts"))


def test_a_dripping_server_is_left_in_time() -> None:
    with raw_server(HEAD, *[b" "] * 400, pause=0.05) as url:
        begun = time.monotonic()
        assert "within 1 s" in failure(LlmSettings("tiny", url, cache=None, deadline=1.0))
        assert time.monotonic() - begun < 1.3


def test_a_hanging_server_is_left_in_time_after_a_second_attempt(httpserver: HTTPServer) -> None:
    released = threading.Event()

    def hang(_: Request) -> Response:
        released.wait(10)
        return Response("too late")

    httpserver.expect_request(PATH).respond_with_handler(hang)
    begun = time.monotonic()
    sentence = failure(at(httpserver, deadline=1.5))
    assert time.monotonic() - begun < 1.8
    released.set()
    assert "did not answer within 1.5 s" in sentence


def test_no_server_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sentence = failure(LlmSettings("tiny", f"http://127.0.0.1:{port}/v1", cache=None, deadline=1.4))
    assert "cannot be reached" in sentence and f"127.0.0.1:{port}" in sentence


def test_without_a_key_openai_is_not_asked_and_a_server_of_ones_own_is(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    for url in (None, "https://api.openai.com/v1/"):
        assert "OPENAI_API_KEY" in failure(LlmSettings(base_url=url, cache=None, deadline=0.001))
    answer(httpserver, json.dumps(["there is none", *GOOD]))
    assert ask_llm(TEXT, 2, at(httpserver)) == ["there is none", GOOD[0]]
    assert httpserver.log[0][0].headers["Authorization"] == "Bearer none"


@pytest.mark.parametrize("key", [f"{KEY}\r\nX-Other: 1", f"{KEY} {KEY}", f"{KEY}é"])
def test_a_key_that_cannot_be_sent(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert "OPENAI_API_KEY" in failure(at(httpserver))
    assert httpserver.log == []


def test_the_environment_does_not_send_the_request_elsewhere(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    answer(httpserver, json.dumps(GOOD))
    assert ask_llm(TEXT, 4, at(httpserver)) == GOOD


@pytest.mark.parametrize(
    "url",
    ["", "localhost:11434", "ftp://host/v1", "http://", "http:///v1", "http://host:99999/v1", "http://host:0/", "http://[::1/v1",
     "http://a b/v1", "http://host/v1\n", "http://host/v1?key=secret", "http://host/#secret", "https://user:secret@host/v1",
     "https://secret@host/v1"],
)  # fmt: skip
def test_a_base_url_that_is_none(url: str) -> None:
    with pytest.raises(InputError, match="base URL") as caught:
        LlmSettings(base_url=url)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"model": " "}, {"model": "a\nb"}, {"deadline": 0.0}, {"deadline": float("nan")}, {"deadline": 1e9}]
)
def test_settings_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"; |, for"):
        LlmSettings(**options)
