"""What mkdocs.yml calls while it builds the site: the reference of the command is written from its own parser."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from comfyui_sinddm_rs.cli.main import parser

MARK = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    return markdown.replace(MARK, "\n\n".join(sections(parser()))) if MARK in markdown else markdown


def sections(root: argparse.ArgumentParser) -> Iterator[str]:
    """A heading and the help of each sub-command."""
    os.environ["COLUMNS"] = "100"
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield f"## {name}\n\n```text\n{sub.format_help()}```"
                yield from (each.replace("## ", f"## {name} ", 1) for each in sections(sub))
