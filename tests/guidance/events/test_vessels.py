"""Where ships are found."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events.scene import Scene
from comfyui_sinddm_rs.guidance.events.vessels import afloat, moored
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image
from scipy import ndimage

SIDE = 128
SEAS = {"green": (0.27, 0.35, 0.28), "dark": (0.12, 0.19, 0.19), "blue": (0.10, 0.25, 0.40)}


def sea(colour: tuple[float, float, float], seed: int = 0) -> np.ndarray:
    waves = np.random.default_rng(seed).normal(size=(SIDE, SIDE, 1))
    waves = ndimage.gaussian_filter(waves, (1.0, 1.0, 0.0))
    return np.clip(np.array(colour) + 0.01 * waves / waves.std(), 0.0, 1.0).astype(np.float32)


def with_ship(rgb: np.ndarray, row: float, column: float, turn: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """(picture, mask) of a light hull 60 px long."""
    y, x = np.indices((SIDE, SIDE), dtype=np.float32) - np.array([row, column], np.float32)[:, None, None]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    hull = (along / 30.0) ** 4 + (across / 7.0) ** 2 < 1.0
    return np.where(hull[..., None], np.array([0.6, 0.5, 0.45], np.float32), rgb), hull


@pytest.mark.parametrize("colour", SEAS.values(), ids=SEAS)
def test_a_ship_at_sea_is_found(colour: tuple[float, float, float]) -> None:
    picture, hull = with_ship(sea(colour), 60.0, 70.0)
    found = afloat(Scene(picture)) > 0.0
    assert np.count_nonzero(found & hull) > 0.95 * np.count_nonzero(hull)
    assert np.count_nonzero(found) < 1.9 * np.count_nonzero(hull)  # the water that it mixes with, and no more


def test_what_the_border_cuts_is_not_afloat() -> None:
    picture, _ = with_ship(sea(SEAS["dark"]), 2.0, 70.0, turn=0.0)
    assert not afloat(Scene(picture)).any()


def test_an_empty_sea_has_no_ship() -> None:
    assert not afloat(Scene(sea(SEAS["green"]))).any()


@pytest.mark.parametrize("name", ["forest", "house", "meadow"])
def test_there_is_no_ship_on_land(name: str) -> None:
    with Image.open(scene_path(name)) as picture:
        scene = Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)
    assert not afloat(scene).any() and not moored(scene).any()


def test_a_moored_ship_lies_along_the_water() -> None:
    with Image.open(scene_path("ship")) as picture:
        scene = Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)
    found = moored(scene)
    assert not afloat(scene).any()
    assert found[64:96, :64].mean() > 0.5  # its stern
    assert found[176:].mean() < 0.01 and found[:32].mean() < 0.01  # the quay behind it, and the water


def test_a_wake_is_no_part_of_the_ship() -> None:
    picture, hull = with_ship(sea(SEAS["green"]), 60.0, 40.0, turn=0.0)
    rows, columns = np.indices((SIDE, SIDE))
    wake = (np.abs(rows - 60) < 4) & (columns > 68) & (columns < 110)
    fading = np.clip((110 - columns) / 42.0, 0.0, 1.0)[..., None] * 0.12
    found = afloat(Scene((picture + wake[..., None] * fading).astype(np.float32))) > 0.0
    assert np.count_nonzero(found & hull) > 0.9 * np.count_nonzero(hull)
    assert np.count_nonzero(found & wake) < 0.2 * np.count_nonzero(wake)
