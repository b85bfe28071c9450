"""A scene too large for one window: one plan, then tile by tile; a stopped edit goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.geo import large as module
from comfyui_sinddm_rs.geo import painting, tiles
from comfyui_sinddm_rs.geo.documents import edit_file
from comfyui_sinddm_rs.geo.large import edit_large, needs_tiles
from comfyui_sinddm_rs.geo.selection import Selection, select
from comfyui_sinddm_rs.geo.source import read_part
from comfyui_sinddm_rs.geo.tiles import Tile
from comfyui_sinddm_rs.guidance.regions import Window
from comfyui_sinddm_rs.guidance.results import EditResult, Progress
from comfyui_sinddm_rs.guidance.settings import EditSettings

rasterio = pytest.importorskip("rasterio")

Draw = Callable[..., Path]
Stored = Callable[[Path], np.ndarray]
FIRE = "A fire in the forest"
HEIGHT, WIDTH = 64, 1300
COLOUR = 90


@pytest.fixture
def long(wood: np.ndarray) -> np.ndarray:
    """A strip of wood: uint8 [3, 64, 1300]."""
    return np.tile(wood[:HEIGHT], (1, 14, 1))[:, :WIDTH].transpose(2, 0, 1).copy()


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch, negative: Callable[..., EditResult]) -> list[str]:
    """The plan is the negative, and each tile one colour where it has data; the names of those painted."""
    names: list[str] = []

    def paint(scene: Selection, _: Any, tile: Tile, __: int) -> np.ndarray:
        names.append(tile.name)
        part = read_part(scene.source, tile.window)
        return np.where(part.valid[..., None], part.stored.dtype.type(COLOUR), part.stored)

    monkeypatch.setattr(module, "edit_image", negative)
    monkeypatch.setattr(module, "painted", paint)
    return names


def test_what_is_too_large_for_one_window(draw: Draw, long: np.ndarray) -> None:
    scene = draw(long)
    assert needs_tiles(select(scene))
    assert not needs_tiles(select(scene, "600,10,40,40"))
    found = select(scene, "10,10,1000,40")
    assert needs_tiles(found) and found.region is not None and found.window.right == WIDTH
    assert not needs_tiles(select(draw(long[:, :, :1024], "short.tif")))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_tiles_are_laid_without_a_seam(
    draw: Draw, long: np.ndarray, stored: Stored, painted: list[str], dtype: str
) -> None:
    scene = draw(long.astype(dtype), tiled=True, blockxsize=64, blockysize=64, overviews=[2], compress="DEFLATE")
    answer = edit_file(scene, FIRE, scene.with_name("out.tif"))
    after = stored(scene.with_name("out.tif"))
    assert (after == COLOUR).all() and after.dtype == dtype
    assert sorted(painted) == ["0_0", "0_1", "0_2"] and answer["tiles"] == [3, 3]
    assert answer["window"] == [0, 0, WIDTH, HEIGHT] and answer["output"].endswith("out.tif")
    with rasterio.open(scene.with_name("out.tif"), overview_level=0) as file:
        assert (file.read() == COLOUR).all()
    assert sorted(path.name for path in scene.parent.iterdir()) == ["out.tif", "scene.tif"]


def test_only_tiles_that_the_plan_changes_are_painted(
    draw: Draw, long: np.ndarray, stored: Stored, painted: list[str]
) -> None:
    wide = np.concatenate([long, long], 2)
    scene = draw(wide)
    edit_file(scene, FIRE, scene.with_name("out.tif"), roi="10,8,900,40")
    assert 0 < len(painted) < 5 and "0_0" in painted and "0_4" not in painted
    after = stored(scene.with_name("out.tif"))
    assert (after[:, :, 1500:] == wide[:, :, 1500:]).all()


def test_a_stopped_edit_goes_on(
    draw: Draw, long: np.ndarray, painted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = draw(long, compress="DEFLATE")
    edit_file(scene, FIRE, scene.with_name("undisturbed.tif"))
    painted.clear()
    paint = module.painted

    def stopped(scene: Selection, seen: Any, tile: Tile, seed: int) -> np.ndarray:
        if tile.name == "0_2":
            raise KeyboardInterrupt
        return paint(scene, seen, tile, seed)

    monkeypatch.setattr(module, "painted", stopped)
    with pytest.raises(KeyboardInterrupt):
        edit_file(scene, FIRE, scene.with_name("out.tif"))
    assert painted == ["0_0", "0_1"] and not scene.with_name("out.tif").exists()
    monkeypatch.setattr(module, "painted", paint)
    painted.clear()
    answer = edit_file(scene, FIRE, scene.with_name("out.tif"))
    assert painted == ["0_2"] and answer["tiles"] == [3, 3]
    assert scene.with_name("out.tif").read_bytes() == scene.with_name("undisturbed.tif").read_bytes()
    assert sorted(path.name for path in scene.parent.iterdir()) == ["out.tif", "scene.tif", "undisturbed.tif"]


@pytest.mark.parametrize("other", ["text", "seed", "region", "source"])
def test_tiles_of_another_edit_are_not_used(
    draw: Draw, long: np.ndarray, painted: list[str], monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    scene, out = draw(long), draw(long).with_name("out.tif")
    how: dict[str, Any] = {"roi": "8,8,1200,50", "settings": EditSettings()}

    def full(*_: Any) -> None:
        raise OutputError("The disk is full; free some.")

    with monkeypatch.context() as patch:
        patch.setattr(module, "edited_copy", full)
        with pytest.raises(OutputError):
            edit_file(scene, FIRE, out, **how)
    painted.clear()
    edit_file(scene, FIRE, scene.with_name("else.tif"), **how)
    assert len(painted) == 3, "each output has tiles of its own"
    painted.clear()
    if other == "seed":
        how["settings"] = EditSettings(seed=1)
    if other == "region":
        how["roi"] = "8,8,1200,49"
    if other == "source":
        long[0, 0, 0] += 1
        draw(long)
    edit_file(scene, "A flood" if other == "text" else FIRE, out, **how)
    assert len(painted) == 3


def test_what_has_no_data_stays(draw: Draw, long: np.ndarray, stored: Stored, painted: list[str]) -> None:
    values = np.maximum(long, 1)
    values[:, :, 800:] = 0
    scene = draw(values, nodata=0)
    edit_file(scene, FIRE, scene.with_name("out.tif"))
    after = stored(scene.with_name("out.tif"))
    assert (after[:, :, 800:] == 0).all() and (after[:, :, :800] == COLOUR).all() and painted


def test_what_is_ignored_is_not_even_seen_from_afar(draw: Draw, long: np.ndarray) -> None:
    cloud = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    cloud[:, 13:37, 411:777] = 1
    ignore = str(draw(cloud, "cloud.tif"))
    plans = []
    for value in (0, 255):
        long[:, cloud[0] > 0] = value
        scene = select(draw(long, f"scene{value}.tif", overviews=[2]), ignore=ignore)
        plans.append(module._from_afar(scene))
    valid = plans[0].valid
    assert (valid == plans[1].valid).all() and 0.5 < float(valid.float().mean()) < 0.95
    assert (plans[0].pixels[:, valid] == plans[1].pixels[:, valid]).all()


def test_a_tile_for_real(
    draw: Draw, long: np.ndarray, stored: Stored, monkeypatch: pytest.MonkeyPatch, negative: Callable[..., EditResult]
) -> None:
    """Painted by patches; nothing outside the region or without data changes, and a tile without data is left out."""
    monkeypatch.setattr(module, "edit_image", negative)
    monkeypatch.setattr(tiles, "TILE", 96)
    monkeypatch.setattr(tiles, "OVERLAP", 16)
    values = np.maximum(long[:, :40, :290], 1)
    values[:, :, 175:] = 0
    values[:, :20, :30] = 0
    scene = draw(values, nodata=0, tiled=True, blockxsize=64, blockysize=32)
    reports: list[Progress] = []
    edit = edit_large(select(scene, "0,0,290,36"), FIRE, scene.with_name("out.tif"), progress=reports.append)
    after = stored(scene.with_name("out.tif"))
    may = np.zeros((40, 290), bool)
    may[:36] = True
    may &= (values != 0).all(0)
    assert after[:, ~may].tobytes() == values[:, ~may].tobytes()
    assert (after != values)[:, may].mean() > 0.5 and (after[:, may] != 0).all()
    shares = [each.share for each in reports]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert edit.summary()["warnings"] == [] and edit.before.shape[0] == 3


def test_scenes_that_are_too_narrow(draw: Draw, long: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is 1300×20 px, too narrow to be edited; give another region\.$"):
        edit_large(select(draw(long[:, :20])), FIRE, tmp_path / "out.tif")
    ribbon = np.tile(long[:, :32], (1, 1, 2))[:, :, :2100]
    with pytest.raises(InputError, match="2100×32 px, too narrow"):
        edit_large(select(draw(ribbon)), FIRE, tmp_path / "out.tif")
    scene = select(draw(long[:, :33]))
    assert min(module._from_afar(scene).pixels.shape[-2:]) >= 32


def test_inputs_are_not_written_over(draw: Draw, long: np.ndarray, painted: list[str]) -> None:
    scene = draw(long)
    mask = draw(np.ones((1, HEIGHT, WIDTH), np.uint8), "mask.tif")
    before = mask.read_bytes()
    for roi, output in ((None, scene), (str(mask), mask)):
        with pytest.raises(OutputError, match="is the source itself or another input; give"):
            edit_file(scene, FIRE, output, roi=roi)
    assert select(scene, None, ignore="0,0,9,9").inputs == () and select(scene, str(mask)).inputs == (mask,)
    assert mask.read_bytes() == before and painted == []


def test_parts_of_a_plan_at_full_resolution() -> None:
    ramp = torch.linspace(0, 1, 50).expand(1, 20, 50)
    whole = Window(100, 200, 300, 700)
    across = painting.cut(ramp, whole, whole)
    assert across.shape == (1, 200, 500) and bool((across[0, 0].diff() >= 0).all())
    part = painting.cut(ramp, Window(150, 300, 190, 420), whole)
    assert torch.allclose(part, across[:, 50:90, 100:220], atol=1e-5)
