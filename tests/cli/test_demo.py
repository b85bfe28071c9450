"""``sinddm-rs demo``, with a tiny scene in place of the bundled ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.cli import demo
from comfyui_sinddm_rs.rasters.bundled import bundled_scenes, roi_path
from PIL import Image


def test_one_edit(run: Callable[..., Any], folder: Path, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 8:20] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    monkeypatch.setattr(demo, "EDITS", (("forest", "A fire in the forest", True),))
    monkeypatch.setattr(demo, "scene_path", lambda _: folder / "scene.png")
    monkeypatch.setattr(demo, "roi_path", lambda _: folder / "mask.png")
    ended = run("demo")
    assert ended.code == 0 and str(folder / "sinddm-rs-demo") in ended.err
    assert ended.answer["folder"] == "sinddm-rs-demo"
    (edit,) = ended.answer["edits"]
    assert edit["text"] == "A fire in the forest" and edit["seed"] == demo.SEED and edit["guide"] == "compact"
    assert {path.name for path in (folder / "sinddm-rs-demo").iterdir()} == {"forest_edit.png", "forest_report.png"}
    with Image.open(edit["output"]) as out, Image.open(edit["report"]) as report:
        changed = (np.asarray(out) != scene).any(2)
        assert report.width > 3 * 32
    assert changed.any() and not changed[mask == 0].any()


@pytest.mark.parametrize(("scene_name", "text", "in_region"), demo.EDITS)
def test_the_scenes_are_bundled(scene_name: str, text: str, in_region: bool) -> None:
    assert scene_name in bundled_scenes() and text
    assert not in_region or roi_path(scene_name) is not None
