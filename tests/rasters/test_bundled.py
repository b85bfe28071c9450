"""The example scenes are there, usable, small and attributed."""

from __future__ import annotations

import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.rasters.bundled import SCENES, bundled_scenes, roi_path, scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.regions import read_mask


def test_names() -> None:
    assert {"forest", "river", "house", "tanks"} <= set(bundled_scenes())
    assert not any("roi" in name for name in bundled_scenes())


@pytest.mark.parametrize("name", bundled_scenes())
def test_scenes_open_and_are_attributed(name: str) -> None:
    raster = read_raster(scene_path(name))
    assert raster.bands == 3 and raster.alpha is None and max(raster.size) <= 384
    assert f"`{name}.png`" in (SCENES / "ATTRIBUTION.md").read_text(encoding="utf-8")
    roi = roi_path(name)
    if roi is not None:
        assert 0.02 < float(read_mask(roi, raster.size).mean()) < 0.5


def test_objects_have_a_region() -> None:
    assert roi_path("house") is not None and roi_path("tanks") is not None and roi_path("river") is None


def test_all_together_are_small() -> None:
    assert sum(path.stat().st_size for path in SCENES.iterdir()) < 1_500_000


def test_unknown_scene_lists_the_names() -> None:
    with pytest.raises(InputError, match=r"no example scene 'moon'; choose one of .*forest"):
        scene_path("moon")
