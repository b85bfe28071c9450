"""Which format holds what."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.rasters.encoding import lossless_suffix


@pytest.mark.parametrize(
    ("dtype", "bands", "suffix"),
    [("uint8", 1, ".png"), ("uint16", 3, ".png"), ("uint32", 3, ".tif"), ("float32", 1, ".tif"), ("uint8", 4, ".tif")],
)
def test_png_where_it_holds_the_values(dtype: str, bands: int, suffix: str) -> None:
    stored = np.zeros((2, 2, bands), dtype)
    assert lossless_suffix(stored, None) == lossless_suffix(stored, stored[..., 0]) == suffix
