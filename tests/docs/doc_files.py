"""What the Markdown files hold: blocks of code, commands, code in the text, links and headings, found by a parser."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
SERVER = "http://localhost:11434"
NOT_OURS = {"build", "site", "output", "node_modules"}
FILES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in NOT_OURS for part in path.relative_to(ROOT).parts)
)


@dataclass(frozen=True)
class Block:
    """One block of code: its file, its first line's number, the language of its fence ("" where indented)."""

    file: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a block or of a code span: its words without what the shell itself takes."""

    place: str
    words: tuple[str, ...]

    @property
    def line(self) -> str:
        return shlex.join(self.words)


@lru_cache
def tokens(path: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))


def blocks(path: Path) -> Iterator[Block]:
    for token in tokens(path):
        if token.type in ("code_block", "fence"):
            assert token.map is not None
            yield Block(path.relative_to(ROOT).as_posix(), token.map[0] + 1, token.info.strip(), token.content)


def commands(block: Block) -> Iterator[Command]:
    """The commands of a shell block, parted at line ends and ``&&``."""
    for number, line in enumerate(block.text.splitlines()):
        yield from split(f"{block.file}:{block.line + number}", line)


def split(place: str, line: str) -> Iterator[Command]:
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), "&&"]:
        if word != "&&":
            words.append(word)
        elif words:
            yield Command(place, tuple(words))
            words = []


def spans(path: Path) -> Iterator[tuple[str, str]]:
    """Each span of code in the running text, with its place."""
    for token in tokens(path):
        for child in token.children or ():
            if child.type == "code_inline":
                assert token.map is not None or token.children
                yield f"{path.relative_to(ROOT).as_posix()}:{(token.map or [0])[0] + 1}", child.content


def links(path: Path) -> Iterator[str]:
    """Targets of links and pictures."""
    for token in tokens(path):
        for child in token.children or ():
            if child.type == "link_open":
                yield str(child.attrs["href"])
            elif child.type == "image":
                yield str(child.attrs["src"])


def anchors(path: Path) -> set[str]:
    """The names that GitHub gives a file's headings."""
    found = tokens(path)
    titles = [found[at + 1].content for at, token in enumerate(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
