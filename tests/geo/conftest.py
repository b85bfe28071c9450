"""GeoTIFFs that the tests draw themselves, and what two files have to have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from comfyui_sinddm_rs.geo import documents
from comfyui_sinddm_rs.guidance.prompting.prompts import PromptEnsemble
from comfyui_sinddm_rs.guidance.results import Candidate, EditResult
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image
from torch import Tensor

Draw = Callable[..., Path]

LEFT, TOP, METRES = 500_000.0, 4_100_000.0, 10.0
"""Upper left corner and pixel size of what is drawn, in UTM zone 10 north."""


@pytest.fixture
def settings() -> EditSettings:
    return EditSettings(seed=1)


@pytest.fixture(scope="session")
def wood() -> np.ndarray:
    """A wood of 96 px: uint8 [96, 96, 3]."""
    with Image.open(scene_path("forest")) as image:
        return np.asarray(image.convert("RGB"))[60:156, 60:156].copy()


@pytest.fixture
def pixels(wood: np.ndarray) -> Callable[..., np.ndarray]:
    """pixels(dtype, bands, side) → the wood as stored values [bands, side, side] of that type."""

    def pixels(dtype: str = "uint8", bands: int = 3, side: int = 96) -> np.ndarray:
        rgb = wood[:side, :side].astype(np.float64).transpose(2, 0, 1)
        near = 255.0 - 0.4 * rgb.mean(0, keepdims=True)
        further = [near - 9.0 * i for i in range(max(0, bands - 3))]
        values = np.concatenate([rgb, *further])[:bands]
        if dtype == "uint8":
            return values.astype(dtype)
        grain = np.random.default_rng(5).integers(0, 9, values.shape)
        scaled = values * 30 + grain + 200
        if dtype.startswith("int"):
            scaled -= 3000
        return (scaled / 10_000 if dtype.startswith("float") else scaled).astype(dtype)

    return pixels


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """draw(values [bands, h, w], name, **how) → the path of a GeoTIFF in UTM zone 10 north.

    how: creation options and profile of rasterio; ``descriptions``, ``colours`` (by name), ``tags``, ``band_tags``,
    ``mask`` [h, w], ``overviews`` (factors), ``gcps``, ``rpcs``, ``scales``, ``offsets`` are set too.
    """
    rasterio = pytest.importorskip("rasterio")
    from rasterio.enums import ColorInterp  # noqa: PLC0415 (the package may be missing)

    for name in ("control", "features", "rpc", "transform", "warp"):
        import_module(f"rasterio.{name}")

    def draw(values: np.ndarray, name: str = "scene.tif", **how: Any) -> Path:
        later = {
            key: how.pop(key, None)
            for key in (
                "descriptions", "colours", "tags", "band_tags", "mask", "overviews", "gcps", "rpcs", "scales", "offsets"
            )
        }  # fmt: skip
        path = tmp_path / name
        profile = {
            "driver": "GTiff",
            "count": len(values),
            "height": values.shape[1],
            "width": values.shape[2],
            "dtype": values.dtype.name,
            "crs": "EPSG:32610",
            "transform": rasterio.Affine(METRES, 0, LEFT, 0, -METRES, TOP),
            **how,
        }
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
            file.write(values)
            if later["mask"] is not None:
                file.write_mask(later["mask"])
            if later["colours"]:
                file.colorinterp = [ColorInterp[each] for each in later["colours"]]
            for key in ("descriptions", "gcps", "rpcs", "scales", "offsets"):
                if later[key] is not None:
                    setattr(file, key, later[key])
            file.update_tags(**(later["tags"] or {}))
            for band in range(1, len(values) + 1):
                file.update_tags(band, **(later["band_tags"] or {}))
        if later["overviews"]:
            with rasterio.open(path, "r+") as file:
                file.build_overviews(later["overviews"], rasterio.enums.Resampling.average)
        return path

    return draw


@pytest.fixture
def stored() -> Callable[[Path], np.ndarray]:
    """All bands of a file as they are stored: [bands, h, w]."""
    rasterio = pytest.importorskip("rasterio")

    def stored(path: Path) -> np.ndarray:
        with rasterio.open(path) as file:
            return np.asarray(file.read())

    return stored


@pytest.fixture
def described() -> Callable[[Path], dict[str, Any]]:
    """All that a file says beside its pixels, ready to be compared."""
    rasterio = pytest.importorskip("rasterio")

    def described(path: Path) -> dict[str, Any]:
        with rasterio.open(path) as file, tifffile.TiffFile(path) as tiff:
            points, crs = file.gcps
            return {
                "crs": file.crs,
                "transform": file.transform,
                "bounds": file.bounds,
                "size": file.shape,
                "gcps": ([(each.row, each.col, each.x, each.y) for each in points], crs),
                "rpcs": None if file.rpcs is None else file.rpcs.to_dict(),
                "nodata": repr(file.nodatavals),
                "types": file.dtypes,
                "descriptions": file.descriptions,
                "colours": file.colorinterp,
                "scales": (file.scales, file.offsets, file.units),
                "blocks": file.block_shapes,
                "interleave": file.interleaving,
                "compression": file.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION"),
                "predictor": int(tiff.pages[0].tags.valueof(317, 1)),
                "overviews": [file.overviews(band) for band in file.indexes],
                "tags": file.tags(),
                "band_tags": [file.tags(band) for band in file.indexes],
                "masks": [[flag.name for flag in flags] for flags in file.mask_flag_enums],
                "mask": hashlib.sha256(file.dataset_mask().tobytes()).hexdigest(),
                "big": tiff.is_bigtiff,
                "order": tiff.byteorder,
            }

    return described


@pytest.fixture
def negative() -> Callable[..., EditResult]:
    """In place of ``edit_image``: what may change shows its negative, at once."""

    def negative(
        image: Tensor, text: str, *, roi: Tensor | None = None, valid: Tensor | None = None, **_: Any
    ) -> EditResult:
        may = torch.ones(image.shape[-2:]) if roi is None else roi
        if valid is not None:
            may = may * valid
        edited = torch.where(may > 0, 1.0 - image, image)
        candidate = Candidate(edited, may, 1.0, 0)
        share = float(may.mean())
        prompts = PromptEnsemble(text, (), "none")
        return EditResult(edited, may, 0, 1, share, 0.1, 0, "none", "none", (), None, prompts, (), (candidate,))

    return negative


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, negative: Callable[..., EditResult]) -> None:
    """Files are edited at once: their negative where they may change."""
    monkeypatch.setattr(documents, "edit_image", negative)
