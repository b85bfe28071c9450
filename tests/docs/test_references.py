"""Links lead somewhere, options exist, and every sub-command, node and example graph is told of somewhere."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from comfyui_sinddm_rs.cli.main import parser
from comfyui_sinddm_rs.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS
from doc_files import FILES, ROOT, anchors, blocks, links, spans

# Options of other programs that the texts name, and one that was tried and dropped (docs/quality.md).
FOREIGN = {"--dist", "--head", "--strict", "--severity"}
HAND_WRITTEN = [path for path in FILES if path.name != "CHANGELOG.md"]
TEXT = {path: path.read_text(encoding="utf-8") for path in FILES}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _subcommands(root: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield name, sub
                yield from _subcommands(sub)


def _options() -> set[str]:
    """Long options of the command, its sub-commands, and all that a script or module hands to ``add_argument``."""
    ours = {option for _, sub in _subcommands(parser()) for option in sub._option_string_actions}
    for path in ROOT.rglob("*.py"):
        if not {"tests", "build", "site"} & set(path.relative_to(ROOT).parts):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
                    ours |= {str(each.value) for each in node.args if isinstance(each, ast.Constant)}
    return ours


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("path", HAND_WRITTEN, ids=_name)
def test_options_exist(path: Path) -> None:
    code = [text for _, text in spans(path)] + [block.text for block in blocks(path)]
    named = {option for text in code for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)}
    assert named - _options() - FOREIGN == set()


def test_files_that_the_texts_name_exist() -> None:
    """Code spans that look like a path into one of the repository's folders."""
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    missing = {
        (place, text)
        for path in HAND_WRITTEN
        for place, text in spans(path)
        if re.fullmatch(rf"(?:{folders})/[\w./-]+\.(py|md|tsv|json|safetensors)", text) and not (ROOT / text).exists()
    }
    assert {each for each in missing if not each[1].startswith("models/")} == set()


def test_everything_is_told_of() -> None:
    told = "\n".join(text for path, text in TEXT.items() if path.name != "CHANGELOG.md")
    commands = {name for name, _ in _subcommands(parser())}
    assert {name for name in commands if not re.search(rf"(sinddm-rs|bench) {name}\b|`{name}`", told)} == set()
    assert {name for name in NODE_DISPLAY_NAME_MAPPINGS.values() if name not in told} == set()
    assert {name for name in NODE_CLASS_MAPPINGS if not (ROOT / "web" / "docs" / f"{name}.md").exists()} == set()
    graphs = {path.stem for path in (ROOT / "workflows").glob("*.json")}
    assert {name for name in graphs if f"`{name}`" not in told} == set()
