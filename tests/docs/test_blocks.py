"""Every block of code in every Markdown file is run, or parsed and in the short list of what is not run here."""

from __future__ import annotations

import argparse
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from comfyui_sinddm_rs.batch.jobs import read_jobs
from comfyui_sinddm_rs.cli import main
from comfyui_sinddm_rs.cli.main import parser
from comfyui_sinddm_rs.rasters.files import read_raster
from doc_files import FILES, ROOT, SERVER, Block, Command, blocks, commands, spans, split
from packaging.requirements import Requirement
from pytest_httpserver import HTTPServer
from torch import Tensor

# How a command begins (a regular expression), and why it is parsed only.
NOT_RUN = {
    r"pip install .*": "installs; the first lines of .ci/run do it, tests/test_distribution.py loads the wheel",
    r"python -m venv .venv|\. \.venv/bin/activate": "makes an environment; .ci/run begins so",
    r"(SINDDM_RS_(COMFYUI|KILLS)=\d+ )*pytest.*": "would run itself; .ci/run calls both forms",
    r"scripts/.*\.sh.*": "makes fresh environments for minutes, and needs 15 GB; .ci/nightly calls them",
    r"python benchmarks/.*": "measures for minutes, on scenes of one's own or beside a ComfyUI",
    r"python -m comfyui_sinddm_rs\..*": "trains or tests for up to hours, and reads data that is not shipped",
    r"sinddm-rs batch .* --engine ray.*": "begins a Ray cluster, which tests/batch/test_ray_engine.py does",
    r"sinddm-rs evaluate -o .*": "six to 96 edits of full size; tests/cli/test_evaluate.py runs small plans",
    r"sinddm-rs evaluate .*--methods ablations.*": "trains networks for two minutes each, needs weights of two CLIPs",
    r"sinddm-rs evaluate .*--baseline .*": "needs weights of Stable Diffusion",
}
# Blocks that are neither commands nor Python: their first words, and what holds them (below).
DATA = {"image,prompt,roi": "_jobs", "rasters/ ": "_folders", "DIR/A/": "_batch_layout"}
RANDOM_WEIGHTS_FAIL = "sinddm-rs doctor --guide remoteclip-ViT-B-32"

BLOCKS = [block for path in FILES for block in blocks(path)]
SHELL = [block for block in BLOCKS if block.language in ("", "sh", "bash") and not block.text.startswith(tuple(DATA))]
COMMANDS = [command for block in SHELL for command in commands(block)]
SPANS = [
    command
    for path in FILES
    for place, text in spans(path)
    if re.match(r"(sinddm-rs \S+ \S|python \S+\.py|python -m \S+ \S|pip install)", text)
    for command in split(place, text)
]


def _not_run(command: Command) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, command.line)), None)


def _place(each: Command | Block) -> str:
    return each.place if isinstance(each, Block) else f"{each.place} {each.line[:50]}"


def test_every_block_has_a_test_and_every_exception_a_command() -> None:
    python = [block for block in BLOCKS if block.language == "python"]
    data = [block for block in BLOCKS if block.text.startswith(tuple(DATA))]
    assert len(SHELL) + len(python) + len(data) == len(BLOCKS) > 30
    assert {pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, each.line) for each in COMMANDS)} == set()
    assert {start for start in DATA if not any(block.text.startswith(start) for block in data)} == set()


@pytest.mark.parametrize("command", [each for each in COMMANDS if _not_run(each) is None], ids=_place)
def test_command_runs(command: Command, folder: Path, httpserver: HTTPServer) -> None:
    words = [word.replace(SERVER, httpserver.url_for("").rstrip("/")) for word in command.words]
    if words[0] == "ruff":
        subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=True, timeout=60)
    elif words[:2] == ["sinddm-rs", "fetch-guide"]:
        _fetches(words[1:], folder, httpserver)
    else:
        assert words[0] == "sinddm-rs", f"{command.place}: nothing here runs {words[0]}; add it, or a line to NOT_RUN"
        if command.line == "sinddm-rs doctor":  # it would check the guide of random weights too, and rightly fail
            (folder / "RemoteCLIP-ViT-B-32.pt").unlink()
        for output in _outputs(words):
            Path(output).unlink(missing_ok=True)
        assert main(words[1:]) == (1 if command.line == RANDOM_WEIGHTS_FAIL else 0)
        assert [output for output in _outputs(words) if not Path(output).exists()] == []
        asked = [request.path for request, _ in httpserver.log]
        assert bool(asked) == (SERVER in command.line)


def _outputs(words: Sequence[str]) -> list[str]:
    """The files that ``-o`` names; a folder is left alone."""
    named = [words[at + 1] for at, word in enumerate(words) if word == "-o"]
    return [name for name in named if Path(name).suffix]


def _fetches(words: Sequence[str], folder: Path, httpserver: HTTPServer) -> None:
    """In a process of its own, since huggingface_hub reads the Hub's address once."""
    httpserver.expect_request(re.compile("/chendelong/RemoteCLIP/.*")).respond_with_data(
        b"weights", headers={"ETag": '"' + "0" * 40 + '"'}
    )
    (folder / "RemoteCLIP-ViT-B-32.pt").unlink()
    run = "import sys; from comfyui_sinddm_rs.cli import main; sys.exit(main())"
    environment = os.environ | {"HF_ENDPOINT": httpserver.url_for("").rstrip("/")}
    subprocess.run([sys.executable, "-c", run, *words], env=environment, check=True, timeout=100)
    assert (folder / "RemoteCLIP-ViT-B-32.pt").read_bytes() == b"weights"


@pytest.mark.parametrize("command", [*(each for each in COMMANDS if _not_run(each)), *SPANS], ids=_place)
def test_command_that_is_not_run_is_parsed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    parse(command, monkeypatch)


@pytest.mark.parametrize(
    "line",
    [
        "sinddm-rs edit a.png text --outputs b.png",
        "sinddm-rs edits a.png",
        "python benchmarks/batch.py --sides 3",
        "python -m comfyui_sinddm_rs.guidance.compact.training UCM out.safetensors --attacks 0",
        "python -m comfyui_sinddm_rs.nowhere",
        "python benchmarks/nowhere.py",
        'pip install "comfyui-sinddm-rs[nowhere]"',
        "pytest tests/nowhere",
        "pytest --dists",
        "scripts/try_versions.sh newest",
    ],
)
def test_a_wrong_command_is_noticed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = split("here:1", line)
    with pytest.raises((SystemExit, AssertionError, ImportError, FileNotFoundError)):
        parse(command, monkeypatch)


class _Parsed(Exception):  # noqa: N818 (no error: what parse stops at)
    pass


def parse(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the command's words to the parser that it has."""
    words = [word for word in command.words if "=" not in word or word.startswith("-") or "sd-inpaint" in word]
    if words[0] == "sinddm-rs":
        _parse_with_ours(words[1:])
    elif words[:2] == ["pip", "install"]:
        _check_extras(words[-1])
    elif words[0].endswith(".sh"):
        assert all(word in (ROOT / words[0]).read_text(encoding="utf-8") for word in words[1:])
    elif words[0] == "pytest":
        _parse_with_pytest(words[1:])
    elif words[:2] == ["python", "-m"] and words[2] != "venv":
        _parse_only(monkeypatch, words[2:])
        with pytest.raises(_Parsed):
            runpy.run_module(words[2], run_name="__main__")
    elif words[0] == "python" and words[1].endswith(".py"):
        source = (ROOT / words[1]).read_text(encoding="utf-8")
        if "ArgumentParser" not in source:
            assert len(words) == 2 or "sys.argv" in source
            return
        _parse_only(monkeypatch, words[1:])
        monkeypatch.syspath_prepend(str((ROOT / words[1]).parent))
        monkeypatch.syspath_prepend(str(ROOT / "tests" / "comfyui"))
        with pytest.raises(_Parsed):
            runpy.run_path(str(ROOT / words[1]), run_name="__main__")
    else:
        assert words[0] == "." or words[2] == "venv", f"nothing here parses {command.line}"


def _parse_with_pytest(words: Sequence[str]) -> None:
    known = argparse.ArgumentParser()
    known.add_argument("-n", type=int)
    known.add_argument("--dist", choices=("load", "loadfile"))
    known.add_argument("-s", action="store_true")
    known.add_argument("paths", nargs="*")
    assert all((ROOT / path).exists() for path in known.parse_args(list(words)).paths)


def _parse_with_ours(words: Sequence[str]) -> None:
    """In the text a command may leave out what it needs; options that it does not have are noticed all the same."""
    try:
        parser().parse_args(list(words))
    except SystemExit:
        known, unknown = _lenient().parse_known_args(list(words))
        assert not unknown, unknown
        assert known.command


def _lenient() -> argparse.ArgumentParser:
    root = parser()
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                for option in sub._actions:
                    option.required = False
                    if not option.option_strings and not isinstance(option, argparse._SubParsersAction):
                        option.nargs = "*"
                    elif option.option_strings and option.nargs is None:
                        option.nargs = "?"
    return root


def _check_extras(word: str) -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = Requirement(re.sub(r"^\.", project["name"], word))
    assert wanted.name == project["name"]
    assert wanted.extras <= set(project["optional-dependencies"]), wanted.extras


def _parse_only(monkeypatch: pytest.MonkeyPatch, words: Sequence[str]) -> None:
    real = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, *given: Any, **named: Any) -> NoReturn:
        real(self, *given, **named)
        raise _Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
    monkeypatch.setattr(sys, "argv", list(words))


class MyMethod:
    """What docs/evaluation.md leaves to its reader."""

    name = "mine"

    def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:  # noqa: ARG002
        return (image + 0.01 * (seed + 1)).clamp(0.0, 1.0)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language == "python"], ids=_place)
def test_python_runs(block: Block) -> None:
    mask = torch.zeros(64, 64)
    mask[20:44, 20:44] = 1.0
    given = {"image": read_raster("scene.png").pixels, "mask": mask, "MyMethod": MyMethod}
    exec(compile(block.text.replace('device="cuda"', 'device="cpu"'), block.place, "exec"), given)


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.text.startswith(tuple(DATA))], ids=_place)
def test_data_is_true(block: Block, folder: Path) -> None:
    (check,) = (name for start, name in DATA.items() if block.text.startswith(start))
    globals()[check](block.text, folder)


def _jobs(text: str, folder: Path) -> None:
    (folder / "list.csv").write_text(text, encoding="utf-8")
    assert len(read_jobs(folder / "list.csv").jobs) == sum(
        int(line.rsplit(",", 1)[1]) for line in text.splitlines()[1:]
    )


def _folders(text: str, folder: Path) -> None:  # noqa: ARG001
    named = {word for line in text.splitlines() for word in re.findall(r"^(\S+/)(?: (\S+/))?", line)[0] if word}
    packages = {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")}
    assert named == packages - {"tests/", "build/"}


def _batch_layout(text: str, folder: Path) -> None:
    assert main(["batch", "JOBS.csv", "-o", "OUT", "--workers", "1"]) == 0
    named = {name.split("/")[0] for name in re.findall(r"DIR/(\S+)", text)}
    written = {path.name for path in (folder / "OUT").iterdir() if not path.name.startswith(".")}
    assert written == named - {"failures.csv"}
