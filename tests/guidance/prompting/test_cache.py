"""Kept answers of a language model: readable, whole, and never in the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from comfyui_sinddm_rs.errors import OutputError
from comfyui_sinddm_rs.guidance.prompting.cache import CacheKey, cache_folder, read_cached, write_cached

KEY = CacheKey("Ein großes Feuer: ../am Schiff", 10, "some/model:7b", "1")
PROMPTS = ["a large fire", "größere Flammen"]


def test_what_was_kept_comes_back_as_a_readable_file(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "later"
    assert read_cached(folder, KEY) is None
    write_cached(folder, KEY, PROMPTS)
    assert read_cached(folder, KEY) == PROMPTS
    (path,) = folder.iterdir()
    assert path.name.startswith("ein-gro-es-feuer-am-schiff-") and path.suffix == ".json"
    text = path.read_text(encoding="utf-8")
    assert "größere Flammen" in text and text.count("\n") > 5
    assert json.loads(text) == {
        "text": KEY.text,
        "count": 10,
        "model": "some/model:7b",
        "template_version": "1",
        "prompts": PROMPTS,
    }


@pytest.mark.parametrize(
    "other", [{"text": "Ein Feuer"}, {"count": 9}, {"model": "another"}, {"template_version": "2"}], ids=str
)
def test_each_part_of_the_key_counts(tmp_path: Path, other: dict[str, str | int]) -> None:
    write_cached(tmp_path, KEY, PROMPTS)
    assert read_cached(tmp_path, replace(KEY, **other)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff\xfe",
        b'{"prompts": ["x"]}',
        b'{"prompts": []}',
        b'{"prompts": [1]}',
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_broken_file_is_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / KEY.file_name
    path.write_bytes(content)
    assert read_cached(tmp_path, KEY) is None
    write_cached(tmp_path, KEY, PROMPTS)
    assert read_cached(tmp_path, KEY) == PROMPTS
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_key_is_not_taken(tmp_path: Path) -> None:
    write_cached(tmp_path, KEY, PROMPTS)
    other = replace(KEY, model="another")
    (tmp_path / KEY.file_name).rename(tmp_path / other.file_name)
    assert read_cached(tmp_path, other) is None


def test_a_place_that_is_no_folder_is_an_output_error(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    assert read_cached(place, KEY) is None
    with pytest.raises(OutputError, match="file"):
        write_cached(place, KEY, PROMPTS)


def test_the_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("SINDDM_RS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "sinddm-rs" / "prompts"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "sinddm-rs" / "prompts"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "sinddm-rs" / "prompts"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "sinddm-rs" / "prompts"
    monkeypatch.setenv("SINDDM_RS_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own" / "prompts"
