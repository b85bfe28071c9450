"""Rephrasing a request by a language model behind any OpenAI-compatible server, asked only because the user chose so.

The key is read from OPENAI_API_KEY alone. It is in no message, no file and no exception: failures leave this module
as sentences of our own, without the server's words and without the client's exceptions as their cause.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import InputError, MissingPackageError, ServiceError
from .cache import cache_folder
from .client_logs import unheard
from .lexicon import wording

if TYPE_CHECKING:
    from openai import OpenAI

OPENAI_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
TEMPLATE_VERSION = "1"
"""To be raised with every change of the words below, so that cached answers to older ones are not used."""
SYSTEM_PROMPT = """You rephrase descriptions of changes in aerial and satellite images.
The user gives one description. Write exactly {count} other descriptions of the very same picture.
Rules: the view is from above; keep the meaning and the objects; add no object, place or scene that is not named;
at most 12 words each; vary the wording; plain English; no numbering.
Answer with one JSON object and nothing else: {{"prompts": ["...", "..."]}}"""
RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "prompts",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"prompts": {"type": "array", "items": {"type": "string"}}},
            "required": ["prompts"],
            "additionalProperties": False,
        },
    },
}
MAX_DEADLINE = 600.0
MAX_LENGTH = 200
"""Characters of a prompt; a longer one is no rephrasing."""
RETRIES = 2
BACK_OFF = 0.5
"""Seconds before the first repetition; twice that before the second."""
ATTEMPT_SHARE = 0.6
"""Share of the deadline that one attempt may take, so that a hanging one leaves time for another."""
_MAX_ANSWER = 40_000
_MAX_VALUES = 200
"""Braces and brackets of an answer at which a JSON value is looked for."""
_TEMPORARY = {408, 409, 429}
_NO_SCHEMA = {400, 422}
_BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,3}[.):])\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class LlmSettings:
    """Which model to ask, where and how long. Raises InputError for a value that cannot be.

    base_url: an OpenAI-compatible server, for example http://localhost:11434/v1; None is OpenAI's own.
    required: a model that gives nothing is an error instead of a warning.
    deadline: seconds for everything, repetitions included. cache: folder of kept answers, None keeps none.
    """

    model: str = "gpt-4o-mini"
    base_url: str | None = None
    required: bool = False
    deadline: float = 30.0
    cache: Path | None = field(default_factory=cache_folder)

    def __post_init__(self) -> None:
        if not self.model.strip() or not self.model.isprintable() or len(self.model) > MAX_LENGTH:
            raise InputError(
                "The name of the language model is empty or unreadable; give one, for example gpt-4o-mini."
            )
        if not 0.0 < self.deadline <= MAX_DEADLINE:
            raise InputError(f"The deadline {self.deadline:g} s is outside 0…{MAX_DEADLINE:g}; 30 is usual.")
        if self.base_url is not None:
            _check_url(self.base_url)

    @property
    def url(self) -> str:
        """Where the language model is asked."""
        return OPENAI_URL if self.base_url is None else self.base_url

    @property
    def host(self) -> str:
        """Server and port, as messages name them."""
        return urlsplit(self.url).netloc


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # What follows may hold a password, so that the address is quoted only where it cannot.
    if "@" in url:
        raise InputError(
            f"The base URL holds an '@' as for a user or password; leave it out and set {KEY_VARIABLE} instead."
        )
    if "?" in url or "#" in url:
        raise InputError("The base URL holds a '?' or '#'; give the plain address, as http://localhost:11434/v1.")
    if not usable or not url.isprintable() or " " in url:
        raise InputError(f"The base URL {url!r} is no web address; give one as http://localhost:11434/v1.")


@dataclass(frozen=True)
class _Failure:
    """Why an attempt gave nothing. status: the HTTP status where the server gave one. wait: seconds it asked for."""

    kind: str
    status: int = 0
    wait: float = 0.0

    @property
    def is_temporary(self) -> bool:
        return self.kind in ("time-out", "connection") or self.status in _TEMPORARY or self.status >= 500

    def sentence(self, settings: LlmSettings) -> str:
        server = f"The language model at {settings.host}"
        if self.kind == "time-out":
            return f"{server} did not answer within {settings.deadline:g} s; try again or choose a faster one."
        if self.kind == "connection":
            return f"{server} cannot be reached; check the base URL and that the server runs."
        if self.kind == "refusal":
            return f"{server} refused to rephrase the text; word it differently."
        if self.kind == "garbage":
            return f"{server} gave no usable prompts; try again or choose another model."
        if self.status in (401, 403):
            return f"{server} did not accept the key (HTTP {self.status}); check the variable {KEY_VARIABLE}."
        if 300 <= self.status < 400:
            return f"{server} sends requests elsewhere (HTTP {self.status}), which is not followed; give that address."
        if self.status == 404:
            return f"{server} does not have what was asked for (HTTP 404); check the base URL and the model's name."
        if self.status == 429:
            return f"{server} is busy or its quota is used up (HTTP 429); try again later or check the account."
        return f"{server} answered with an error (HTTP {self.status}); try again later or choose another server."


def ask_llm(text: str, count: int, settings: LlmSettings) -> list[str]:
    """1 to ``count`` other wordings of ``text``, cleaned, in less than ``settings.deadline`` seconds.

    Raises ServiceError (no key, no connection, a refusal, nothing usable), MissingPackageError without openai.
    """
    deadline = time.monotonic() + settings.deadline
    key = _key_for(settings)
    try:
        import openai  # noqa: PLC0415 (takes half a second, and only who asks a model needs it)
    except ImportError as error:
        raise MissingPackageError("Asking a language model needs the package openai: pip install openai.") from error
    outcomes: SimpleQueue[str | _Failure] = SimpleQueue()

    def converse() -> None:
        try:
            # A redirect would bring the text, and to another path the key, where the user did not send them.
            http = openai.DefaultHttpxClient(follow_redirects=False)
            client = openai.OpenAI(api_key=key, base_url=settings.url, max_retries=0, http_client=http)
            with client, unheard():
                outcomes.put(_converse(client, _request_for(text, count, settings), settings.deadline, deadline))
        except Exception:  # whatever a client makes of a server's bytes; its text may repeat the key
            outcomes.put(_Failure("garbage"))

    # The client's time-outs hold for each read, so a dripping server outlasts them: the thread is left to itself then.
    Thread(target=converse, name="sinddm-rs-llm", daemon=True).start()
    try:
        outcome = outcomes.get(timeout=max(0.0, deadline - time.monotonic()))
    except Empty:
        outcome = _Failure("time-out")
    if isinstance(outcome, str):
        # A server that repeats the key among its prompts must not bring it into a file.
        own = [prompt for prompt in read_prompts(outcome) if key not in prompt or key == _NO_KEY]
        prompts = clean_prompts(own, text, count)
        if prompts:
            return prompts
        outcome = _Failure("garbage")
    # Raised outside every handler: no exception of the client becomes its cause or context.
    raise ServiceError(outcome.sentence(settings))


_NO_KEY = "none"
"""Sent to servers of one's own, which mostly want none."""


def _key_for(settings: LlmSettings) -> str:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and urlsplit(settings.url).hostname == urlsplit(OPENAI_URL).hostname:
        raise ServiceError(f"OpenAI's models need a key; set the variable {KEY_VARIABLE} or give another base URL.")
    if not re.fullmatch(r"[!-~]*", key):
        raise ServiceError(f"The variable {KEY_VARIABLE} holds characters that no key has; set it again.")
    return key or _NO_KEY


def _request_for(text: str, count: int, settings: LlmSettings) -> dict[str, Any]:
    return {
        "model": settings.model,
        "messages": [
            {"role": "system", "content": SYSTEM_PROMPT.format(count=count)},
            {"role": "user", "content": json.dumps({"description": text}, ensure_ascii=False)},
        ],
    }


def _converse(client: OpenAI, request: dict[str, Any], seconds: float, deadline: float) -> str | _Failure:
    """The model's text, after as many attempts as it takes and the time allows."""
    request = {**request, "response_format": RESPONSE_FORMAT}
    retries = 0
    while True:
        timeout = min(ATTEMPT_SHARE * seconds, max(deadline - time.monotonic(), 0.01))
        outcome = _attempt(client, request, timeout)
        if isinstance(outcome, str):
            return outcome
        if outcome.status in _NO_SCHEMA and "response_format" in request:
            del request["response_format"]
            continue
        wait = max(BACK_OFF * 2**retries, outcome.wait)
        if not outcome.is_temporary or retries == RETRIES or time.monotonic() + wait >= deadline:
            return outcome
        time.sleep(wait)
        retries += 1


def _attempt(client: OpenAI, request: dict[str, Any], timeout: float) -> str | _Failure:
    import openai  # noqa: PLC0415 (see ask_llm)

    try:
        completion = client.chat.completions.create(**request, timeout=timeout)
    except openai.APIStatusError as error:
        if error.code == "insufficient_quota":
            return _Failure("quota", 429, wait=math.inf)
        return _Failure("status", error.status_code, _seconds(error.response.headers.get("retry-after")))
    except openai.APITimeoutError:
        return _Failure("time-out")
    except openai.APIConnectionError:
        return _Failure("connection")
    # Servers leave out what the client's types promise.
    choices = getattr(completion, "choices", None)
    message = getattr(choices[0], "message", None) if choices else None
    if getattr(message, "refusal", None) or (choices and choices[0].finish_reason == "content_filter"):
        return _Failure("refusal")
    content = getattr(message, "content", None)
    return content if isinstance(content, str) else _Failure("garbage")


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0.0))
    except ValueError:  # the header's other form is a date, which servers of models do not use
        return 0.0


def read_prompts(answer: str) -> list[str]:
    """The prompts in a model's answer: JSON, JSON within fences or prose, at the last a numbered or bulleted list."""
    answer = re.sub(r"<think>.*?</think>", "", answer[:_MAX_ANSWER], flags=re.DOTALL)
    longest = max((_listed(value) for value in _json_values(answer)), key=len, default=[])
    return longest or [line.strip().rstrip(",").strip("\"'*` ") for line in _BULLET.findall(answer)]


def _json_values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    start = 0
    for _ in range(_MAX_VALUES):  # each level of a deep nest would be read to its end
        found = re.compile(r"[{\[]").search(text, start)
        if found is None:
            return
        try:
            value, start = decoder.raw_decode(text, found.start())
            yield value
        except ValueError:
            start = found.end()
        except RecursionError:  # so deep is no answer
            return


def _listed(value: Any) -> list[str]:
    """The texts of a decoded answer: {"prompts": [...]}, [...], [{"prompt": ...}] or {"prompt1": ..., ...}."""
    if isinstance(value, dict):
        lists = [each for each in (value.get("prompts"), *value.values()) if isinstance(each, list)]
        numbered = [each for name, each in value.items() if re.search(r"\d", name)]
        value = lists[0] if lists else numbered
    texts = [next(iter(each.values()), None) if isinstance(each, dict) else each for each in value]
    return [each for each in texts if isinstance(each, str)]


def clean_prompts(prompts: Sequence[str], text: str, count: int) -> list[str]:
    """At most ``count`` usable ones: printable, 1 to MAX_LENGTH characters, each worded otherwise than ``text``."""
    known = {"", wording(text)}
    result: list[str] = []
    for prompt in (" ".join(each.split()) for each in prompts):
        key = wording(prompt)
        if key not in known and prompt.isprintable() and len(prompt) <= MAX_LENGTH:
            known.add(key)
            result.append(prompt)
    return result[:count]
