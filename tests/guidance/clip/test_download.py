"""Downloads from a hub on the loopback interface, answering as huggingface.co does: a redirect to another host."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comfyui_sinddm_rs.errors import InputError, OutputError, ServiceError
from comfyui_sinddm_rs.guidance.clip import download
from comfyui_sinddm_rs.guidance.clip.download import fetch, hub_file
from comfyui_sinddm_rs.guidance.clip.presets import PRESETS
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

REMOTE = PRESETS["remoteclip-RN50"]
# Two of the blocks of 10 MiB that huggingface_hub hands on, so that there is a middle.
CONTENT = hashlib.sha256(b"weights").digest() * (12 * 2**20 // 32)


class Hub:
    """Serves files at ``/<repo>/resolve/main/<file>``; ``asked`` are the Range headers of the transfers."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.url = f"http://localhost:{server.port}"
        self.asked: list[str | None] = []
        self.drop: int | None = None
        """After so many bytes the first transfer breaks off."""

    def serve(self, repo: str, file: str, content: bytes, sha256: str | None = None, ranges: bool = True) -> None:
        digest = sha256 or hashlib.sha256(content).hexdigest()
        place = f"/cdn/{repo}/{file}"

        def point(_: Request) -> Response:
            linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content)), "X-Repo-Commit": "0" * 40}
            elsewhere = f"http://127.0.0.1:{self.server.port}{place}"
            return Response(status=302, headers={"Location": elsewhere} | linked)

        def give(request: Request) -> Response:
            wanted = request.headers.get("Range")
            self.asked.append(wanted)
            if self.drop is not None and len(self.asked) == 1:
                return Response(content[: self.drop])
            if wanted is None or not ranges:
                return Response(content)
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            whole = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            return Response(content[start:], status=206, headers=whole)

        self.server.expect_request(f"/{repo}/resolve/main/{file}").respond_with_handler(point)
        self.server.expect_request(place).respond_with_handler(give)


@pytest.fixture
def hub(httpserver: HTTPServer) -> Hub:
    return Hub(httpserver)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def interrupt_after(count: int) -> Callable[[int, int | None], None]:
    def report(there: int, _: int | None) -> None:
        if there >= count:
            raise KeyboardInterrupt

    return report


def test_a_good_download_is_stored_under_the_name_that_is_looked_for(hub: Hub, tmp_path: Path) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)
    seen: list[tuple[int, int | None]] = []
    path = fetch(REMOTE, tmp_path / "new", lambda there, whole: seen.append((there, whole)), hub.url)
    assert path == tmp_path / "new" / "RemoteCLIP-RN50.pt"
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["RemoteCLIP-RN50.pt"]
    assert seen[0][0] < seen[-1][0] == len(CONTENT)
    assert seen[-1][1] == len(CONTENT)


def test_what_is_there_and_right_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)
    (tmp_path / "RemoteCLIP-RN50.pt").write_bytes(CONTENT)
    fetch(REMOTE, tmp_path, endpoint=hub.url)
    assert hub.asked == []
    (tmp_path / "RemoteCLIP-RN50.pt").write_bytes(bytes(len(CONTENT)))
    assert fetch(REMOTE, tmp_path, endpoint=hub.url).read_bytes() == CONTENT
    assert hub.asked == [None]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(hub: Hub, tmp_path: Path, ranges: bool) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT, ranges=ranges)
    with pytest.raises(KeyboardInterrupt):
        fetch(REMOTE, tmp_path, interrupt_after(1), hub.url)
    (part,) = tmp_path.iterdir()
    there = part.stat().st_size
    assert part.suffix == ".part"
    assert 0 < there < len(CONTENT)
    assert fetch(REMOTE, tmp_path, endpoint=hub.url).read_bytes() == CONTENT
    assert hub.asked[:2] == [None, f"bytes={there}-"]
    assert names(tmp_path) == ["RemoteCLIP-RN50.pt"]


def test_a_transfer_that_ends_early_goes_on_next_time(hub: Hub, tmp_path: Path) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)
    hub.drop = 11 * 2**20
    with pytest.raises(ServiceError, match=r"broke off after 11,534,336 bytes.*fetch it again to go on from there"):
        fetch(REMOTE, tmp_path, endpoint=hub.url)
    assert fetch(REMOTE, tmp_path, endpoint=hub.url).read_bytes() == CONTENT
    assert hub.asked == [None, "bytes=11534336-"]


def test_a_part_of_an_unknown_version_is_not_continued(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request(f"/{REMOTE.repo}/resolve/main/{REMOTE.file}").respond_with_data(CONTENT)
    (tmp_path / ".RemoteCLIP-RN50.pt..part").write_bytes(bytes(1000))
    assert fetch(REMOTE, tmp_path, endpoint=httpserver.url_for("").rstrip("/")).read_bytes() == CONTENT
    assert names(tmp_path) == ["RemoteCLIP-RN50.pt"]


def test_the_part_of_another_version_is_not_continued(hub: Hub, tmp_path: Path) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", bytes(len(CONTENT)))
    with pytest.raises(KeyboardInterrupt):
        fetch(REMOTE, tmp_path, interrupt_after(1), hub.url)
    hub.server.clear()
    hub.asked.clear()
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)
    assert fetch(REMOTE, tmp_path, endpoint=hub.url).read_bytes() == CONTENT
    assert hub.asked == [None]


def test_another_sha256_of_the_hub_is_refused_and_removed(hub: Hub, tmp_path: Path) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT, sha256="0" * 64)
    with pytest.raises(ServiceError, match="another SHA-256 than 0000"):
        fetch(REMOTE, tmp_path, endpoint=hub.url)
    assert names(tmp_path) == []


def test_the_preset_s_sha256_goes_before_the_hub_s(hub: Hub, tmp_path: Path) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)
    right = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(ServiceError, match="another SHA-256 than 1111"):
        fetch(dataclasses.replace(REMOTE, sha256="1" * 64), tmp_path, endpoint=hub.url)
    assert fetch(dataclasses.replace(REMOTE, sha256=right), tmp_path, endpoint=hub.url).exists()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_says_the_number_the_address_and_the_folder(hub: Hub, tmp_path: Path, status: int) -> None:
    place = "/chendelong/RemoteCLIP/resolve/main/RemoteCLIP-RN50.pt"
    hub.server.expect_request(place).respond_with_data("", status=status)
    with pytest.raises(ServiceError) as caught:
        fetch(REMOTE, tmp_path, endpoint=hub.url)
    message = str(caught.value)
    assert f"answers {status}" in message
    assert hub.url + place in message
    assert str(tmp_path) in message
    assert "\n" not in message


def test_no_network_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServiceError, match=r"cannot be reached.*check the network.*by hand") as caught:
            fetch(REMOTE, tmp_path, endpoint=nobody)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


FETCH = """
import sys
from pathlib import Path
from comfyui_sinddm_rs.errors import ServiceError
from comfyui_sinddm_rs.guidance.clip.download import fetch
from comfyui_sinddm_rs.guidance.clip.presets import PRESETS
try:
    fetch(PRESETS[sys.argv[1]], Path(sys.argv[2]), endpoint=sys.argv[3])
except ServiceError as error:
    print(error)
"""


def test_offline_mode_is_respected(hub: Hub, tmp_path: Path) -> None:
    """In a process of its own: before 1.0 huggingface_hub reads the variable where its first session begins."""
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)
    command = [sys.executable, "-c", FETCH, REMOTE.name, str(tmp_path), hub.url]
    said = subprocess.check_output(command, env=os.environ | {"HF_HUB_OFFLINE": "1"}, text=True)
    assert "HF_HUB_OFFLINE is set; unset it, or fetch it by hand" in said
    assert hub.server.log == []


def test_too_little_space_is_noticed_before_anything_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)
    usage = download.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(OutputError, match="has 1 MB free and it needs 13;"):
        fetch(REMOTE, tmp_path, endpoint=hub.url)
    assert hub.asked == []


def test_a_disk_that_fills_up_meanwhile_is_said(hub: Hub, tmp_path: Path) -> None:
    hub.serve("chendelong/RemoteCLIP", "RemoteCLIP-RN50.pt", CONTENT)

    def full(_: int, __: int | None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match=r"No space left on device.*free some space"):
        fetch(REMOTE, tmp_path, full, hub.url)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        fetch(REMOTE, tmp_path / "file")


@pytest.mark.parametrize("name", ["skyclip-ViT-B-32", "skyclip-ViT-L-14"])
def test_what_no_hub_has_says_where_it_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"on no hub; fetch https://opendatasharing.*\.zip.*SkyCLIP_ViT"):
        fetch(PRESETS[name], tmp_path)


def test_open_clip_s_own_files_are_fetched_under_the_guide_s_name(hub: Hub, tmp_path: Path) -> None:
    repo, file = hub_file(PRESETS["laion-ViT-B-32"])
    assert (repo, file) == ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "open_clip_model.safetensors")
    hub.serve(repo, file, CONTENT)
    assert fetch(PRESETS["laion-ViT-B-32"], tmp_path, endpoint=hub.url).name == "laion-ViT-B-32.safetensors"


def _listed(hub: Hub, repo: str, files: dict[str, bytes]) -> None:
    siblings: list[dict[str, Any]] = [{"rfilename": name} for name in files]
    tree = [{"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in files.items()]
    hub.server.expect_request(f"/api/models/{repo}").respond_with_data(json.dumps({"id": repo, "siblings": siblings}))
    hub.server.expect_request(f"/api/models/{repo}/tree/main").respond_with_data(json.dumps(tree))
    for name, data in files.items():
        hub.serve(repo, name, data)


def test_a_siglip_is_fetched_with_its_small_files(hub: Hub, tmp_path: Path) -> None:
    files = {
        "README.md": b"x",
        "config.json": b"{}",
        "spiece.model": b"s",
        "model.safetensors": CONTENT,
        "a/b.json": b"{}",
    }
    _listed(hub, "lcybuaa/Git-RSCLIP-base", files)
    folder = fetch(PRESETS["git-rsclip"], tmp_path, endpoint=hub.url)
    assert folder == tmp_path / "git-rsclip"
    assert names(folder) == ["config.json", "model.safetensors", "spiece.model"]


def test_a_siglip_without_weights_is_said(hub: Hub, tmp_path: Path) -> None:
    _listed(hub, "lcybuaa/Git-RSCLIP-base", {"config.json": b"{}"})
    with pytest.raises(ServiceError, match=r"has no model\.safetensors"):
        fetch(PRESETS["git-rsclip"], tmp_path, endpoint=hub.url)
