"""The digest of the code that results depend on."""

from __future__ import annotations

from pathlib import Path

import pytest
from comfyui_sinddm_rs.evaluation import code


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two folders; no digest is remembered."""
    for name in ("a/one.py", "a/deep/weights.safetensors", "a/notes.md", "b/two.py", "b/three.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(code, "PACKAGE", tmp_path)
    monkeypatch.setattr(code, "code_digest", code.code_digest.__wrapped__)
    return tmp_path


def test_what_is_in_it_counts_and_nothing_else(package: Path) -> None:
    before = code.code_digest(("a", "b/two.py"))
    (package / "b" / "three.py").write_text("changed")
    (package / "a" / "notes.md").write_text("changed")
    assert code.code_digest(("a", "b/two.py")) == before
    digests = {before}
    for name in ("b/two.py", "a/deep/weights.safetensors", "a/new.py"):
        (package / name).write_text("changed")
        digests.add(code.code_digest(("a", "b/two.py")))
    (package / "a" / "one.py").rename(package / "a" / "uno.py")
    digests.add(code.code_digest(("a", "b/two.py")))
    assert len(digests) == 5


def test_the_places_that_are_named_are_there() -> None:
    assert all((code.PACKAGE / place).exists() for place in (*code.EDITING, *code.SCORING))
