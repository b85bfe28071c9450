"""Every command under watch: it connects to nobody who was not chosen, writes where it should, and keeps the key."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.cli.main import parser
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image
from pytest_httpserver import HTTPServer
from watching import OF_THE_USER, Watcher, breaches, leaks
from werkzeug import Request, Response

KEY = "sk-planted-0123456789abcdef"
TOKEN = "hf_plantedABCDEFGHIJKLMNOP"
COMMANDS = Path(__file__).with_name("commands.py")
CHAT = "/v1/chat/completions"
EVERYTHING = re.compile(".*")
NOBODY = "http://127.0.0.1:9/v1"
FIRE = "A fire in the forest"
TINY = ["--iterations", "2", "--width", "16"]
PLAIN: dict[str, list[list[str]]] = {
    "edit": [
        ["edit", "scene.png", FIRE, "--roi", "4,4,20,20", "--report", "-o", "edited.png"],
        ["edit", "scene.tif", FIRE, "-o", "edited.tif"],
    ],
    "sequence": [["sequence", "scene.png", FIRE, "Snow", "-o", "states"]],
    "batch": [["batch", "jobs.csv", "-o", "pairs", "--workers", "2"]],
    "prompts": [["prompts", FIRE]],
    "score": [["score", "edited.png", FIRE, "--source", "scene.png"]],
    "evaluate": [["evaluate", "plan.tsv", "-o", "run", "--methods", "default", "--seeds", "1", "--rating-page"]],
    "sample": [["sample", "scene.png", "--size", "32x32", "-o", "samples"]],
    "train": [["train", "scene.png", "-o", "model.safetensors", "--previews", "1", *TINY]],
    "harmonise": [
        ["harmonise", "scene.png", "--mask", "4,4,9,9", "--model", "model.safetensors", "--steps", "1", "-o", "h.png"]
    ],
    "transfer-style": [["transfer-style", "scene.png", "--model", "model.safetensors", "-o", "style.png"]],
    "paste": [["paste", "--from", "0,0,9,9", "--to", "20,20,9,9", "--model", "model.safetensors", "-o", "paste.png"]],
    "import-official": [["import-official", "official.pt", "--image", "scene.png", "-o", "official.safetensors"]],
    "convert-weights": [["convert-weights", "weights.pt", "-o", "weights.safetensors"]],
    "doctor": [["doctor"]],
}
"""Ordinary uses of each command, in an order in which each has what it needs."""
LONG = {
    "demo": [["demo", "-o", "demo"]],
    "bench": [["bench"], ["bench", "train", "--fast-seconds", "5", "--reference-seconds", "5"]],
}
"""Take a minute and more, and so are watched only where SINDDM_RS_WATCH_ALL is 1."""
CHOSEN = {"fetch-guide"}
"""Connect by what they are."""
ALL = os.environ.get("SINDDM_RS_WATCH_ALL") == "1"
SIDE = 40


@dataclass(frozen=True)
class Watched:
    """A finished run of commands. said: both outputs. breaches: of what each may do without having been told to."""

    codes: list[int]
    said: str
    breaches: Callable[..., list[str]]


Watch = Callable[..., Watched]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """Run commands one after the other in one process, in a folder with scene.png and what else they need."""
    user, log = tmp_path / "user", tmp_path / "log"  # a trace holds what is sent, and so the key
    work, home, temp = (user / name for name in ("work", "home", "temp"))
    for folder in (work, home, temp, log):
        folder.mkdir(parents=True)
    with Image.open(scene_path("forest")) as image:
        scene = np.asarray(image.convert("RGB"))[100 : 100 + SIDE, 100 : 100 + SIDE].copy()
    Image.fromarray(scene).save(work / "scene.png")
    _write_geotiff(work / "scene.tif", scene)
    (work / "jobs.csv").write_text(f"image,prompt,seed\nscene.png,{FIRE},0\nscene.png,Snow,1\n")
    (work / "plan.tsv").write_text(f"prompt\tscene\troi\n{FIRE}\tscene.png\t6,6,18,18\n")
    torch.save({"w": torch.arange(6.0)}, work / "weights.pt")
    _write_official(work)

    def watch(commands: list[list[str]], **environment: str) -> Watched:
        watcher = Watcher(log, work)
        (log / "commands.json").write_text(json.dumps(commands))
        kept = {name: value for name, value in os.environ.items() if not OF_THE_USER.match(name)}
        places = {"HOME": str(home), "TMPDIR": str(temp), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        planted = {"OPENAI_API_KEY": KEY, "HF_TOKEN": TOKEN}
        done = subprocess.run(
            [*watcher.prefix, sys.executable, str(COMMANDS), str(log / "commands.json")],
            cwd=work,
            env=kept | places | planted | watcher.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout + done.stderr

        def found(*servers: str) -> list[str]:
            return breaches(watcher.deeds(), servers, [work, home / ".cache", temp])

        for secret in (KEY, TOKEN):
            assert leaks(secret, user, said) == []
        return Watched(json.loads(done.stdout.splitlines()[-1]), said, found)

    return watch


def _write_geotiff(path: Path, scene: np.ndarray) -> None:
    rasterio = pytest.importorskip("rasterio")
    place = rasterio.transform.from_origin(500000, 4000000, 1, 1)
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 3, "dtype": "uint8", "crs": "EPSG:32618"}
    with rasterio.open(path, "w", **profile, transform=place) as file:
        file.write(np.moveaxis(scene, -1, 0))


def _write_official(folder: Path) -> None:
    """official.pt, a checkpoint as the published code saves it."""
    from comfyui_sinddm_rs.rasters.files import read_raster  # noqa: PLC0415 (after torch's threads are set)
    from comfyui_sinddm_rs.sinddm.network.architecture import new_network  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.network.diffusion import Diffusion  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.scales import published_scales  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.schedule import noise_schedule  # noqa: PLC0415

    scales = published_scales(read_raster(folder / "scene.png").pixels * 2.0 - 1.0)
    weights = new_network(16, 3, torch.Generator().manual_seed(0)).state_dict()
    ema = {f"denoise_fn.{name}": each for name, each in weights.items()}
    ema["gammas"] = Diffusion(noise_schedule(), scales.details).gammas[1:].clone()
    torch.save({"step": 9, "ema": ema}, folder / "official.pt")


def known_commands() -> set[str]:
    (commands,) = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return set(commands.choices)


def test_every_command_is_watched() -> None:
    assert known_commands() <= {*PLAIN, *LONG, *CHOSEN}


def test_no_command_connects_or_writes_elsewhere(watch: Watch) -> None:
    uses = {**PLAIN, **(LONG if ALL else {})}
    commands = [use for name, each in uses.items() if name in known_commands() for use in each]
    done = watch(commands)
    assert done.codes == [0] * len(commands), done.said
    assert done.breaches() == []


def test_fetching_a_guide_asks_the_hub_alone(watch: Watch, httpserver: HTTPServer) -> None:
    httpserver.expect_request(EVERYTHING).respond_with_handler(_echo(401))
    hub = f"127.0.0.1:{httpserver.port}"
    done = watch([["fetch-guide", "remoteclip-ViT-B-32", "--models", "models"]], HF_ENDPOINT=f"http://{hub}")
    assert done.codes == [2], done.said
    assert done.breaches(hub) == []
    assert httpserver.log and all(TOKEN not in str(request.headers) for request, _ in httpserver.log)


def _echo(status: int, **headers: str) -> Callable[[Request], Response]:
    """Answers with all headers that it was sent, in body, status and headers."""

    def echo(request: Request) -> Response:
        told = request.headers.get("Authorization", "")
        body = json.dumps({"error": {"message": f"Wrong key {told}", "code": told}, "choices": told})
        return Response(body, f"{status} {told}", {"X-Echo": told, **headers}, content_type="application/json")

    return echo


def _prompts(request: Request) -> Response:
    told = request.headers.get("Authorization", "")
    content = json.dumps({"prompts": [f"fire {told}", "flames among trees", told]})
    return Response(json.dumps({"choices": [{"message": {"content": content}}]}), content_type="application/json")


def test_the_chosen_language_model_alone_is_asked(watch: Watch) -> None:
    with ExitStack() as stack:
        elsewhere, *servers = (stack.enter_context(HTTPServer(host=host)) for host in ("localhost", *["127.0.0.1"] * 5))
        elsewhere.expect_request(EVERYTHING).respond_with_handler(_prompts)
        answers = _prompts, _echo(200), _echo(401), _echo(500), _echo(307, Location=elsewhere.url_for(CHAT))
        for server, handler in zip(servers, answers, strict=True):
            server.expect_request(CHAT).respond_with_handler(handler)
        urls = [*(server.url_for("/v1") for server in servers), NOBODY]
        # Answers are kept by the model's name, so that each server needs one of its own to be asked.
        llm = [["--base-url", url, "--llm-model", f"model-{i}"] for i, url in enumerate(urls)]
        edit = ["edit", "scene.png", FIRE, "-o", "edited.png", "--llm"]
        uses = [["prompts", FIRE, "--llm", "required", *each] for each in llm]
        done = watch([*uses, [*edit, *llm[0]], [*edit, *llm[2]]], OPENAI_LOG="debug")
        assert elsewhere.log == []
        asked = [request for server in servers for request, _ in server.log]
        assert all(server.log for server in servers)
    assert done.codes == [0, 2, 2, 2, 2, 2, 0, 0], done.said
    assert done.breaches(*(url.split("/")[2] for url in urls)) == []
    assert all(request.headers["Authorization"] == f"Bearer {KEY}" for request in asked)
