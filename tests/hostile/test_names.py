"""A name from a graph, list or manifest stays in its folder, on every system."""

from __future__ import annotations

from pathlib import Path

import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.rasters.names import inside, is_file

LEADING_OUT = (
    "", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "..\\x", "C:\\x", "C:x", "\\\\host\\share", "a\0b", "a\nb",
    "a:stream", "CON", "con.tif", "NUL", "nul.safetensors", "COM1.", "com1.txt", "LPT9 .tif", "COM¹.tif", "AUX.a.b",
    "a.", "a..", "a ", " a", "a\u00a0", "\uff0e\uff0e\uff0fx", "a\uff0fb", "a\uff3cb", "\uff23\uff2f\uff2e",
    "\u2024\u2024", "\u202efit.a", "a\u200b", "\ud800", "~", "x" * 201, "é" * 101, ".hidden", "a?", "a*", 'a"', "a|b",
    "a<b",
)  # fmt: skip


@pytest.mark.parametrize("name", [each for each in LEADING_OUT if each != "~"], ids=ascii)
def test_a_name_that_could_lead_out(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        inside(tmp_path, name)
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    "name", ["a", "flood 2.tif", "été.safetensors", "火.tif", "console.tif", "nullity", "COM10", "~"]
)
def test_a_plain_name(name: str, tmp_path: Path) -> None:
    assert inside(tmp_path, name) == tmp_path / name


def test_a_link_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.tif").symlink_to(tmp_path / "b.tif")
    with pytest.raises(InputError, match="a link that leads out"):
        inside(tmp_path / "in", "a.tif")


def test_paths_that_are_no_file_without_an_error(tmp_path: Path) -> None:
    assert not is_file(tmp_path / ("x" * 5000)) and not is_file(tmp_path / "a\0b") and not is_file(tmp_path)
