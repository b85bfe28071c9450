"""The texts of the nodes in ComfyUI's languages: English is what the classes say, Chinese lacks nothing.

SINDDM_RS_WRITE_LOCALE=1 writes the English file anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comfyui_sinddm_rs as pack
import pytest

LOCALES = Path(__file__).resolve().parents[2] / "locales"
pytestmark = pytest.mark.usefixtures("host")


def english() -> dict[str, Any]:
    """What the classes say, in the form of a locale."""
    texts = {}
    for name, node in pack.NODE_CLASS_MAPPINGS.items():
        groups = node.INPUT_TYPES()
        inputs = {**groups["required"], **groups.get("optional", {})}
        outputs = zip(node.RETURN_NAMES, node.OUTPUT_TOOLTIPS, strict=True)
        texts[name] = {
            "display_name": pack.NODE_DISPLAY_NAME_MAPPINGS[name],
            "description": node.DESCRIPTION,
            "inputs": {key: {"name": key, "tooltip": kind[1]["tooltip"]} for key, kind in inputs.items()},
            "outputs": {str(i): {"name": key, "tooltip": text} for i, (key, text) in enumerate(outputs)},
        }
    return texts


def read(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))
    return found


def leaves(texts: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in texts.items():
        yield from leaves(value, f"{path}/{key}") if isinstance(value, dict) else [(f"{path}/{key}", value)]


def test_english_is_what_the_classes_say() -> None:
    if os.environ.get("SINDDM_RS_WRITE_LOCALE"):
        text = json.dumps(english(), ensure_ascii=False, indent=2) + "\n"
        (LOCALES / "en" / "nodeDefs.json").write_text(text, encoding="utf-8")
    assert read("en") == english()


def test_chinese_lacks_nothing_and_is_chinese() -> None:
    chinese = dict(leaves(read("zh")))
    assert set(chinese) == {path for path, _ in leaves(english())}
    assert [path for path, text in chinese.items() if not re.search(r"[\u4e00-\u9fff]", text)] == []
