"""The command as a shell sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comfyui_sinddm_rs.cli import main
from comfyui_sinddm_rs.rasters.bundled import scene_path

TEXT = "A fire in the forest"
COMMAND = [sys.executable, "-c", "import sys; from comfyui_sinddm_rs.cli import main; sys.exit(main())"]
SMALL = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize("command", [(), ("demo",), ("edit",), ("sample",), ("bench",)])
def test_help(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    out, err = capsys.readouterr()
    assert "usage: sinddm-rs" in out and err == ""


def test_an_interrupt_anywhere_is_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def read_raster(_: object) -> None:
        raise KeyboardInterrupt

    for module in ("documents", "learning"):
        monkeypatch.setattr(f"comfyui_sinddm_rs.geo.{module}.read_raster", read_raster)
    for arguments in (["edit", "scene.png", TEXT, "-o", "out.png"], ["sample", "scene.png", "-o", "new"]):
        assert main(arguments) == 130
        assert capsys.readouterr().out == ""
        assert [path.name for path in folder.iterdir()] == ["scene.png"]


def test_a_process_of_its_own_gives_the_same_bytes(run: Callable[..., Any], folder: Path) -> None:
    arguments = ["edit", "scene.png", TEXT, "--seed", "2", "--roi", "8,10,14,12", "-o"]
    ended = subprocess.run([*COMMAND, *arguments, "a.png"], capture_output=True, text=True, env=SMALL, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("\n") == 1
    answer = json.loads(ended.stdout)
    here = run(*arguments, "b.png").answer
    assert {**answer, "seconds": 0, "output": ""} == {**here, "seconds": 0, "output": ""}
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()


def test_a_process_of_its_own_refuses_in_one_sentence(folder: Path) -> None:
    # An ASCII terminal, as in many containers: no sign of the sentence may break it.
    plain = {**SMALL, "PYTHONIOENCODING": "ascii"}
    arguments = ["edit", "scene.png", TEXT, "-o", "out.png", "--strength", "9"]
    ended = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=plain, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("sinddm-rs: The strength 9 is outside") and ended.stderr.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["scene.png"]


def heed_interrupts() -> None:
    """A shell lets its background jobs ignore SIGINT, and so would the command below tests that run in one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_control_c(folder: Path) -> None:
    arguments = ["edit", str(scene_path("forest")), TEXT, "-o", "out.png", "--candidates", "9"]
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=SMALL,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 (no threads run in the child before it)
    )
    try:
        assert process.stderr is not None and process.stdout is not None
        seen = b""
        while b"scale" not in seen:  # a step is done
            piece = os.read(process.stderr.fileno(), 1000)
            assert piece, seen
            seen += piece
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted" in err and b"Traceback" not in err
    assert [path.name for path in folder.iterdir()] == ["scene.png"]
