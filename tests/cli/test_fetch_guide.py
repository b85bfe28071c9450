from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

CONTENT = b"weights of a CLIP"
PLACE = "/chendelong/RemoteCLIP/resolve/main/RemoteCLIP-RN50.pt"


def started(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, since huggingface_hub reads its variables once."""
    command = [sys.executable, "-c", "import sys; from comfyui_sinddm_rs.cli import main; sys.exit(main())"]
    return subprocess.run(
        [*command, "fetch-guide", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_guide_is_fetched_into_the_first_folder_of_models(tmp_path: Path, httpserver: HTTPServer) -> None:
    headers = {"ETag": f'"{hashlib.sha256(CONTENT).hexdigest()}"'}
    httpserver.expect_request(PLACE).respond_with_data(CONTENT, headers=headers)
    models = tmp_path / "models"
    hub = httpserver.url_for("").rstrip("/")
    ended = started(tmp_path, "remoteclip-RN50", SINDDM_RS_MODELS=str(models), HF_ENDPOINT=hub)
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout)
    assert answer["path"] == str(models / "RemoteCLIP-RN50.pt")
    assert answer["bytes"] == len(CONTENT)
    assert answer["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (models / "RemoteCLIP-RN50.pt").read_bytes() == CONTENT


def test_offline_mode_is_one_sentence(tmp_path: Path) -> None:
    ended = started(tmp_path, "remoteclip-RN50", "--models", "here", HF_HUB_OFFLINE="1")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "HF_HUB_OFFLINE is set; unset it" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("remoteclip",), "git-rsclip"),
        (("skyclip-ViT-B-32", "--models", "."), "on no hub"),
        (("remoteclip-RN50", "--models", "scene.png"), "cannot be made"),
        ((), "NAME"),
    ],
)
def test_bad_input_is_one_sentence(refused: Callable[..., None], arguments: tuple[str, ...], word: str) -> None:
    refused(("fetch-guide", *arguments), word)
