"""Hypothesis draws the same examples in every run, and few of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "few",
    derandomize=True,
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("few")


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    """A GeoTIFF of 48 px in UTM zone 10 north, its upper left corner at 500000, 4100000, with pixels of 10 m."""
    rasterio = pytest.importorskip("rasterio")
    np = pytest.importorskip("numpy")
    path = tmp_path / "scene.tif"
    how = {"driver": "GTiff", "count": 3, "height": 48, "width": 48, "dtype": "uint8", "crs": "EPSG:32610"}
    with rasterio.open(path, "w", **how, transform=rasterio.Affine(10, 0, 500_000, 0, -10, 4_100_000)) as file:
        file.write(np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8))
    return path
