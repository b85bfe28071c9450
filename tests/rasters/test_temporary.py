"""Files that appear whole or not at all, and what is taken away of those of killed processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from comfyui_sinddm_rs.errors import OutputError
from comfyui_sinddm_rs.rasters import temporary
from comfyui_sinddm_rs.rasters.files import check_place, make_folder, write_bytes
from comfyui_sinddm_rs.rasters.locks import LOCK, acquire, release
from comfyui_sinddm_rs.rasters.temporary import PARTIAL, replacing, sweep

LEFT = f"{PARTIAL}0123456789ab"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave(folder: Path) -> None:
    """What a process leaves that is killed while it writes, and holds a lock."""
    (folder / LEFT).mkdir()
    for name in (LOCK, "new.png"):
        (folder / LEFT / name).write_bytes(b"half")
    (folder / f"{LOCK}-0123").touch()


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with replacing(target) as partial:
        partial.write_bytes(b"whole")
        assert not target.exists() and partial.suffix == ".png"
    assert target.read_bytes() == b"whole" and names(tmp_path) == ["a.png"]


def test_a_failure_leaves_what_was_there_before(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), replacing(target) as partial:
        partial.write_bytes(b"half")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"before" and names(tmp_path) == ["a.png"]


def test_what_killed_processes_left_is_swept_and_all_else_stays(tmp_path: Path) -> None:
    leave(tmp_path)
    (tmp_path / f"{PARTIAL}mine").mkdir()
    (tmp_path / "a.png").touch()
    sweep(tmp_path)
    assert names(tmp_path) == [f"{PARTIAL}mine", "a.png"]


def test_what_is_being_written_is_not_swept(tmp_path: Path) -> None:
    held = acquire(tmp_path / f"{LOCK}-0123")
    assert held is not None
    with replacing(tmp_path / "a.png") as partial:
        partial.write_bytes(b"whole")
        sweep(tmp_path)
    assert names(tmp_path) == [f"{LOCK}-0123", "a.png"]
    release(held)


@pytest.mark.parametrize("use", [lambda folder: check_place(folder / "b.png"), make_folder])
def test_a_folder_is_swept_when_it_is_first_written_to(tmp_path: Path, use: object) -> None:
    leave(tmp_path)
    use(tmp_path)  # type: ignore[operator]
    assert names(tmp_path) == []


def test_a_folder_that_is_swept_under_a_writer_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, locked = [], acquire

    def late(path: Path) -> object:
        if not taken:
            taken.append(locked(path))
            return None
        return locked(path)

    monkeypatch.setattr(temporary, "acquire", late)
    write_bytes(tmp_path / "a.png", b"whole")
    assert (tmp_path / "a.png").read_bytes() == b"whole"


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^[^;]* cannot be written \(Not a directory\); [^;]*\.$"):
        write_bytes(tmp_path / "file" / "a.png", b"whole")
