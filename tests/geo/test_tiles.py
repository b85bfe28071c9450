"""Tiles cover a scene, are laid without seams, and are kept until they are not needed any more."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.errors import OutputError
from comfyui_sinddm_rs.geo import tiles as module
from comfyui_sinddm_rs.geo.tiles import OVERLAP, Tile, TileStore, feather, laid_over, tiles_of
from comfyui_sinddm_rs.guidance.regions import Window

WINDOWS = [Window(0, 0, 1025, 1500), Window(100, 37, 3000, 1137), Window(5, 7, 205, 2000), Window(0, 0, 60, 40)]


def part(tile: Tile, whole: Window) -> tuple[slice, slice]:
    own = tile.window
    return (
        slice(own.top - whole.top, own.bottom - whole.top),
        slice(own.left - whole.left, own.right - whole.left),
    )


@pytest.mark.parametrize("window", WINDOWS)
def test_tiles_cover_the_window_and_no_more(window: Window) -> None:
    count = np.zeros((window.bottom - window.top, window.right - window.left), int)
    names = set()
    for tile in tiles_of(window):
        own = tile.window
        assert window.top <= own.top < own.bottom <= window.bottom
        assert window.left <= own.left < own.right <= window.right
        count[part(tile, window)] += 1
        names.add(tile.name)
    assert count.min() >= 1 and count.max() <= 4 and len(names) == len(list(tiles_of(window)))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_tiles_that_paint_a_constant_leave_no_seam(window: Window, dtype: str) -> None:
    shape = (window.bottom - window.top, window.right - window.left, 2)
    scene = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    for tile in tiles_of(window):
        at = part(tile, window)
        scene[at] = laid_over(scene[at], np.full_like(scene[at], 77), feather(tile))
    assert (scene == 77).all()


def test_neighbours_are_mixed_in_even_steps() -> None:
    window = Window(0, 0, 60, 1024)
    scene = np.zeros((60, 1024, 1))
    for value, tile in enumerate(tiles_of(window), 1):
        at = part(tile, window)
        scene[at] = laid_over(scene[at], np.full_like(scene[at], value), feather(tile))
    row = scene[30, :, 0]
    assert (row[: 512 - OVERLAP] == 1).all() and (row[512 + OVERLAP :] == 2).all()
    steps = np.diff(row[512 - OVERLAP - 1 : 512 + OVERLAP + 1])
    assert steps.max() < 1.01 / (2 * OVERLAP) and steps.min() > 0


def test_what_is_equal_or_no_number_stays_bit_for_bit() -> None:
    below = np.array([0.1, np.nan, -0.0, 3.0, np.inf, 5.0], np.float32).reshape(1, 6, 1)
    tile = np.array([0.1, np.nan, -0.0, np.nan, 1.0, 9.0], np.float32).reshape(1, 6, 1)
    laid = laid_over(below, tile, np.full((1, 6), 0.25, np.float32))
    expected = np.array([0.1, np.nan, -0.0, 3.0, np.inf, 6.0], np.float32)
    assert laid.ravel().tobytes() == expected.tobytes()
    assert laid_over(below, tile, np.ones((1, 6), np.float32)).tobytes() == tile.tobytes()


def test_a_mixture_is_never_without_data() -> None:
    below, tile = np.full((1, 96, 1), 10, np.int16), np.full((1, 96, 1), -10, np.int16)
    weight = np.linspace(0, 1, 96, dtype=np.float32)[None]
    assert (laid_over(below, tile, weight) == 0).any()
    laid = laid_over(below, tile, weight, (0.0,))
    assert not (laid == 0).any() and np.abs(np.diff(laid.ravel())).max() <= 2
    gap = np.zeros((1, 1, 1), np.int16)
    assert laid_over(gap, gap, np.full((1, 1), 0.5, np.float32), (0.0,)) == 0


def store(folder: Path, **key: Any) -> TileStore:
    return TileStore(folder / "out.tif", {"text": "fire", **key})


def test_finished_tiles_are_kept(tmp_path: Path) -> None:
    tile, other = list(tiles_of(Window(0, 0, 60, 1024)))
    values = np.arange(24, dtype=np.uint16).reshape(2, 4, 3)
    first = store(tmp_path)
    assert first.load(tile) is None
    first.save(tile, values)
    again = store(tmp_path).load(tile)
    assert again is not None and again.dtype == np.uint16 and (again == values).all()
    assert store(tmp_path).load(other) is None
    assert store(tmp_path, text="flood").load(tile) is None
    assert store(tmp_path).load(tile) is None, "tiles of another edit are thrown away"


def test_a_damaged_tile_is_painted_again(tmp_path: Path) -> None:
    tile = next(tiles_of(Window(0, 0, 60, 60)))
    kept = store(tmp_path)
    kept.save(tile, np.ones((60, 60, 3)))
    path = next(tmp_path.rglob("*.npy"))
    for content in (path.read_bytes()[:300], b"", b"no tile"):
        path.write_bytes(content)
        assert kept.load(tile) is None


def test_nothing_is_left(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.save(next(tiles_of(Window(0, 0, 60, 60))), np.ones((60, 60, 3)))
    assert [path.name for path in tmp_path.iterdir()] == [".out.tif.tiles"]
    kept.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = store(tmp_path)
    monkeypatch.setattr(module.np, "save", full)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\); free some space and"):
        kept.save(next(tiles_of(Window(0, 0, 60, 60))), np.ones((60, 60, 3)))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
