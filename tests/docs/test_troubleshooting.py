"""Every sentence that docs/troubleshooting.md quotes is one that the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from doc_files import ROOT, tokens

PAGE = ROOT / "docs" / "troubleshooting.md"
LEAST_WORDS = 25  # literal characters below which a text of the code could mean anything


def _quoted() -> Iterator[str]:
    depth = 0
    for token in tokens(PAGE):
        depth += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        if depth and token.type == "inline":
            yield " ".join(token.content.split())


def _templates() -> Iterator[re.Pattern[str]]:
    """All texts of the package, with anything in the place of what is filled in."""
    for path in ROOT.glob("*/**/*.py"):
        if path.relative_to(ROOT).parts[0] in ("tests", "build", "scripts", "benchmarks"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            literal = [each.value if isinstance(each, ast.Constant) else None for each in parts]
            if sum(len(each) for each in literal if isinstance(each, str)) >= LEAST_WORDS:
                yield re.compile("".join(re.escape(each) if isinstance(each, str) else ".+" for each in literal))


TEMPLATES = list(_templates())
SENTENCES = list(_quoted())


def _is_said(sentence: str) -> bool:
    return any(template.fullmatch(sentence) for template in TEMPLATES)


def test_the_page_quotes_sentences() -> None:
    assert len(SENTENCES) > 30


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_code_says_it(sentence: str) -> None:
    assert _is_said(sentence)


def test_a_sentence_that_nobody_says_is_noticed() -> None:
    assert not _is_said("scene.png is 20×16 px, below the 32 px a side should have; use a larger picture.")
