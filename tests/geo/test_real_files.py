"""Real GeoTIFFs of many kinds keep all but the edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.geo.documents import edit_file
from comfyui_sinddm_rs.geo.source import open_source
from comfyui_sinddm_rs.rasters.raster import MIN_SIDE

pytest.importorskip("rasterio")

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "geotiff"
FILES = sorted(FOLDER.glob("*.tif"))
FIRE = "A fire in the forest"

if not FILES:
    pytest.skip(f"{FOLDER} has no GeoTIFF", allow_module_level=True)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_real_file(
    path: Path, tmp_path: Path, stored: Callable[[Path], np.ndarray], described: Callable[[Path], dict[str, Any]]
) -> None:
    source = open_source(path)
    height, width = source.size
    out = tmp_path / "out.tif"
    if min(height, width) < MIN_SIDE:
        with pytest.raises(InputError, match="below the 32 px a side must have"):
            edit_file(path, FIRE, out)
        return
    x, y, side = width // 2 - 12, height // 2 - 12, 24
    answer = edit_file(path, FIRE, out, roi=f"{x},{y},{side},{side}")
    before, after = stored(path), stored(out)
    inside = np.zeros((height, width), bool)
    inside[y : y + side, x : x + side] = True
    assert before[:, ~inside].tobytes() == after[:, ~inside].tobytes()
    assert (before != after).any()
    old, new = described(path), described(out)
    if source.lossy:
        for stores in ("compression", "predictor"):
            old.pop(stores), new.pop(stores)
    for statistics in ("tags", "band_tags"):
        assert old.pop(statistics) == new.pop(statistics)
    assert old == new
    left, top, wide, high = answer["window"]
    assert left <= x and top <= y and left + wide >= x + side and top + high >= y + side
    assert [each.name for each in tmp_path.iterdir() if not each.name.endswith(".xml")] == ["out.tif"]
