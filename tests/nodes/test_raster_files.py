"""GeoTIFFs through the nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.nodes.edit import SinDDMEdit
from comfyui_sinddm_rs.nodes.raster_files import SinDDMLoadRaster, SinDDMSaveRaster, raster_names
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster

rasterio = pytest.importorskip("rasterio")
EDIT = {"text": "A fire in the forest", "seed": 0, "strength": 1.0, "candidates": 1}


@pytest.fixture
def scene_file(host: Any) -> Path:
    """Four bands, uint16, at a place of the earth, with pixels without data on the right."""
    rgb = read_raster(scene_path("forest")).pixels[:, 100:164, 60:124].numpy()
    values = np.concatenate([rgb, 0.3 + 0.6 * rgb[1:2]]) * 3000 + 200
    values[:, :, 60:] = 0
    host.input.mkdir()
    path: Path = host.input / "scene.tif"
    profile = {"driver": "GTiff", "count": 4, "width": 64, "height": 64, "dtype": "uint16", "nodata": 0}
    place = rasterio.transform.from_origin(500000, 4000000, 1, 1)
    with rasterio.open(path, "w", **profile, crs="EPSG:32618", transform=place) as file:
        file.write(values.astype(np.uint16))
        file.descriptions = ("red", "green", "blue", "nir")
    return path


def test_all_bands_are_edited_at_their_place(scene_file: Path, host: Any) -> None:
    image, region, raster = SinDDMLoadRaster().load(file="scene.tif", region="8,8,40,40", rgb="")
    assert image.shape[-1] == 3 and region.shape == image.shape[:3]
    edited, changed, _ = SinDDMEdit().edit(image=image, mask=region, raster=raster, **EDIT)
    assert edited.shape[-1] == 4
    (seen,) = SinDDMSaveRaster().save(raster=raster, image=edited, mask=changed, name="burnt")
    assert torch.equal(seen, edited[..., :3])
    with rasterio.open(scene_file) as before, rasterio.open(host.output / "sinddm" / "burnt.tif") as after:
        assert (after.crs, after.transform, after.nodata) == (before.crs, before.transform, before.nodata)
        assert after.descriptions == before.descriptions
        differs = before.read() != after.read()
    assert differs[:, 8:48, 8:48].any(axis=(1, 2)).all()
    differs[:, 8:48, 8:48] = False
    assert not differs.any()


def test_without_a_region_what_has_no_data_is_masked(scene_file: Path) -> None:  # noqa: ARG001
    _, region, _ = SinDDMLoadRaster().load(file="scene.tif", region="", rgb="3,2,1")
    assert float(region[0, :, :60].min()) == 1.0 and float(region[0, :, 60:].max()) == 0.0


def test_files_of_the_input_folder_alone(scene_file: Path, host: Any) -> None:
    (host.input / "notes.txt").write_text("no raster")
    (scene_file.parent.parent / "other.tif").write_bytes(scene_file.read_bytes())
    assert raster_names() == ["scene.tif"]
    for name in ("../other.tif", str(scene_file), "notes.txt", "none.tif", ""):
        assert SinDDMLoadRaster.VALIDATE_INPUTS(name) is not True
    with pytest.raises(InputError, match="plain file name"):
        SinDDMLoadRaster().load(file="scene.tif", region="../roi.geojson", rgb="")
    with pytest.raises(InputError, match=r"no file 'roi\.geojson'"):
        SinDDMLoadRaster().load(file="scene.tif", region="roi.geojson", rgb="")


def test_what_does_not_go_together(scene_file: Path) -> None:  # noqa: ARG001
    image, _, raster = SinDDMLoadRaster().load(file="scene.tif", region="", rgb="")
    with pytest.raises(InputError, match="wire the raster into SinDDM Edit"):
        SinDDMSaveRaster().save(raster=raster, image=image, mask=image[..., 0], name="a")
    with pytest.raises(InputError, match="both outputs of one SinDDM Load Raster"):
        SinDDMEdit().edit(image=image[:, 1:], raster=raster, **EDIT)
    with pytest.raises(InputError, match="connect the raster output"):
        SinDDMEdit().edit(image=image, raster="scene.tif", **EDIT)  # type: ignore[arg-type]
    whole = raster.pixels.permute(1, 2, 0)[None]
    with pytest.raises(InputError, match="plain file name"):
        SinDDMSaveRaster().save(raster=raster, image=whole, mask=image[..., 0], name="../a")
    with pytest.raises((InputError, OutputError)):
        SinDDMSaveRaster().save(raster=raster, image=whole, mask=image[..., 0], name="a/b.tif")
