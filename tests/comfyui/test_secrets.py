"""A watched ComfyUI: no example graph connects or writes elsewhere, and a key is in nothing that the server tells."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from bad_graphs import small
from comfyui_server import ComfyUI, comfyui_to_run, running
from pytest_httpserver import HTTPServer
from watching import OF_THE_USER, Deed, Watcher, breaches, leaks
from werkzeug import Request, Response

KEY = "sk-planted-0123456789abcdef"
PAGE = "watched"
SIDE = 64
LITTLE = {"iterations": 2, "candidates": 2, "batch_size": 1, "width": 0, "height": 0}
NEED_A_CHECKPOINT = {"compare_with_stable_diffusion"}
GRAPHS = sorted(path.stem for path in (Path(__file__).parents[2] / "workflows" / "api").glob("*.json"))
ADDRESSES = ("/history", "/queue", "/prompt", "/object_info", "/internal/logs", "/internal/logs/raw", "/system_stats")
Graph = dict[str, Any]


@dataclass
class Watched:
    """A ComfyUI under watch, and the language model that it may ask."""

    comfyui: ComfyUI
    watcher: Watcher
    base: Path
    llm: HTTPServer
    heard: list[bytes] = field(default_factory=list)
    """What the server said to a page that was open all the time."""

    def run(self, graph: Graph) -> dict[str, Any]:
        """Queue a graph as the open page does, which so hears of it, and wait for its end; its history entry."""
        body = json.dumps({"prompt": graph, "client_id": PAGE}).encode()
        prompt = json.loads(self.comfyui._open("/prompt", body))["prompt_id"]
        while (entry := self.comfyui.ended(prompt)) is None:
            time.sleep(0.05)
        return entry

    def breaches(self, *servers: str) -> list[str]:
        own = {self.comfyui.address.removeprefix("http://")}
        listening = {Deed("resolve", "localhost")}
        return breaches(self.watcher.deeds() - listening, [*own, *servers], [self.base, self.base.parent / "user"])


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    place = tmp_path_factory.mktemp("watched")
    base, log, user = place / "comfyui", place / "log", place / "user"
    for folder in (base, log, user, user / "temp"):
        folder.mkdir()
    python, app = comfyui_to_run()
    with HTTPServer(host="127.0.0.1") as llm:
        watcher = Watcher(log, app)
        own = {"HOME": user, "TMPDIR": user / "temp", "PYTHONDONTWRITEBYTECODE": 1}
        planted = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": llm.url_for("/v1"), **watcher.environment}
        settings = [f"{name}={value}" for name, value in {**own, **planted}.items()]
        unset = [option for name in os.environ if OF_THE_USER.match(name) for option in ("-u", name)]
        kept = ["env", *unset, *settings, *watcher.prefix, str(python)]
        watching = place / "python"
        watching.write_text(f'#!/bin/sh\nexec {shlex.join(kept)} "$@"\n')
        watching.chmod(0o700)
        with running(watching, app, base) as comfyui:
            server = Watched(comfyui, watcher, base, llm)
            threading.Thread(target=_listen, args=(server,), daemon=True).start()
            yield server


def _listen(server: Watched) -> None:
    async def listen() -> None:
        address = server.comfyui.address.replace("http", "ws") + "/ws?clientId=" + PAGE
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as page:
            async for message in page:
                data = message.data
                server.heard.append(data if isinstance(data, bytes) else str(data).encode())

    with suppress(OSError, aiohttp.ClientError):  # when the server has ended
        asyncio.run(listen())


@pytest.mark.parametrize("name", [name for name in GRAPHS if name not in NEED_A_CHECKPOINT])
def test_no_graph_connects_or_writes_elsewhere(name: str, watched: Watched, graph: Callable[[str], Graph]) -> None:
    given = small(graph(name), SIDE, LITTLE)
    asking = [node for node in given.values() if node["inputs"].get("source") == "llm"]
    for node in asking:
        node["inputs"]["source"] = "offline"
    entry = watched.run(given)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    assert watched.breaches() == []


def _echo(kind: str) -> Callable[[Request], Response]:
    def echo(request: Request) -> Response:
        key = request.headers.get("Authorization", "")
        content = json.dumps({"prompts": [f"fire {key}", "flames among trees", key]})
        good = {"choices": [{"message": {"content": content}}]}
        body = json.dumps(good if kind == "200" else {"error": {"message": f"Wrong key {key}", "code": key}})
        headers = {"X-Echo": key, "Location": "http://localhost:9/v1/chat/completions"}
        return Response(body, f"{kind} {key}", headers, content_type="application/json")

    return echo


@pytest.mark.parametrize("kind", ["401", "500", "307", "200"])
def test_a_chosen_language_model_alone_is_asked(kind: str, watched: Watched) -> None:
    watched.llm.clear()
    watched.llm.expect_request(re.compile(".*")).respond_with_handler(_echo(kind))
    said = {"text": "Large fire", "source": "llm", "n": 4, "llm_model": f"model-{kind}"}
    entry = watched.run(
        {
            "said": {"class_type": "SinDDMPrompts", "inputs": said},
            "show": {"class_type": "PreviewAny", "inputs": {"source": ["said", 1]}},
            "scene": {"class_type": "SinDDMScene", "inputs": {"scene": "forest"}},
            "saved": {"class_type": "SaveImage", "inputs": {"images": ["scene", 0], "filename_prefix": "said"}},
        }
    )
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    assert watched.llm.log and all(KEY in request.headers["Authorization"] for request, _ in watched.llm.log)
    assert ("flames among trees" in str(entry["outputs"])) == (kind == "200")
    assert watched.breaches(f"127.0.0.1:{watched.llm.port}") == []


def test_the_key_is_nowhere(watched: Watched) -> None:
    """After all runs above, and one that fails."""
    bad = {"text": " ", "source": "llm", "n": 4, "llm_model": "m"}
    said = {"class_type": "SinDDMPrompts", "inputs": bad}
    graph = {"said": said, "show": {"class_type": "PreviewAny", "inputs": {"source": ["said", 1]}}}
    assert watched.run(graph)["status"]["status_str"] == "error"
    answers = [watched.comfyui.text(address) for address in ADDRESSES]
    assert "SinDDMPrompts" in answers[0]
    assert any(b"execution_error" in message for message in watched.heard)
    assert leaks(KEY, watched.base, *answers, *watched.heard) == []
    assert leaks(KEY, watched.base.parent / "user") == []
