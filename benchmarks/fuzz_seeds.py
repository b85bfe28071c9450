"""Sound inputs of every kind, that mutations begin from: made by code, and cut from the scenes of the package."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
import torch
from comfyui_sinddm_rs.guidance.compact.guide import WEIGHTS
from comfyui_sinddm_rs.rasters.bundled import bundled_scenes, scene_path
from comfyui_sinddm_rs.sinddm.network.architecture import new_network
from comfyui_sinddm_rs.sinddm.network.diffusion import Diffusion
from comfyui_sinddm_rs.sinddm.network.model import Origin, SinDDMModel
from comfyui_sinddm_rs.sinddm.network.model_file import model_bytes
from comfyui_sinddm_rs.sinddm.network.official import PREFIX
from comfyui_sinddm_rs.sinddm.scales import published_scales
from comfyui_sinddm_rs.sinddm.schedule import noise_schedule
from PIL import Image
from safetensors.torch import save

Seeds = list[tuple[str, bytes]]
"""Suffix and content of a file each."""
SIDE = 48
WEST, NORTH, METRES = 500_000.0, 4_100_000.0, 10.0


def scene_cut() -> np.ndarray[Any, Any]:
    """uint8 [48, 48, 3] of an aerial scene."""
    with Image.open(scene_path(bundled_scenes()[0])) as image:
        return np.asarray(image.convert("RGB"))[60 : 60 + SIDE, 60 : 60 + SIDE].copy()


def trained_model() -> SinDDMModel:
    """A model with random weights, as small as they come."""
    image = torch.from_numpy(scene_cut()).permute(2, 0, 1).float() / 127.5 - 1.0
    network = new_network(8, 3, torch.Generator().manual_seed(0)).eval().requires_grad_(False)
    return SinDDMModel(network, image, 1.5, (0.5, 0.8), "cosine", Origin("fast", 3, "0" * 64))


def all_seeds(geotiffs: Path | None) -> Mapping[str, Seeds]:
    """By kind of file. geotiffs: a folder of real ones, where there is one; those up to 200 kB are taken."""
    real = [] if geotiffs is None or not geotiffs.is_dir() else sorted(geotiffs.glob("*.tif"))
    return {
        "picture": _pictures(),
        "geotiff": [*_geotiffs(), *((".tif", path.read_bytes()) for path in real if path.stat().st_size < 200_000)],
        "vector": _vectors(),
        "model": [(".safetensors", model_bytes(trained_model()))],
        "compact": [(".safetensors", WEIGHTS.read_bytes())],
        "weights": [(".safetensors", _small_weights()), *_pickles()],
        "official": _officials(),
    }


def _pictures() -> Seeds:
    rgb = scene_cut()
    grey, alpha = rgb[..., :1], np.full((SIDE, SIDE, 1), 200, np.uint8)
    shapes = {"L": grey[..., 0], "RGB": rgb, "RGBA": np.concatenate([rgb, alpha], 2)}
    seeds = []
    for suffix, form, modes in (
        (".png", "PNG", ("L", "RGB", "RGBA")),
        (".jpg", "JPEG", ("L", "RGB")),
        (".webp", "WEBP", ("RGB", "RGBA")),
        (".bmp", "BMP", ("RGB",)),
    ):
        for mode in modes:
            out = io.BytesIO()
            Image.fromarray(shapes[mode]).save(out, form, **({"dpi": (72, 72)} if form != "WEBP" else {}))
            seeds.append((suffix, out.getvalue()))
    out = io.BytesIO()
    Image.fromarray(rgb).convert("P").save(out, "PNG", transparency=3)
    seeds.append((".png", out.getvalue()))
    deep = io.BytesIO()
    Image.fromarray(grey[..., 0].astype(np.uint16) * 200).save(deep, "PNG")
    seeds.append((".png", deep.getvalue()))
    for how in (
        {"photometric": "rgb"},
        {"photometric": "rgb", "compression": "zlib", "predictor": True},
        {"photometric": "rgb", "compression": "jpeg"},
        {"photometric": "rgb", "compression": "lzw", "tile": (32, 32)},
        {"photometric": "rgb", "planarconfig": "separate"},
        {"photometric": "rgb", "bigtiff": True, "rowsperstrip": 7},
    ):
        out = io.BytesIO()
        separate = how.get("planarconfig") == "separate"
        tifffile.imwrite(out, rgb.transpose(2, 0, 1).copy() if separate else rgb, **how)
        seeds.append((".tif", out.getvalue()))
    for dtype in ("uint16", "float32", "int16", "bool"):
        out = io.BytesIO()
        tifffile.imwrite(out, grey[..., 0].astype(dtype), photometric="minisblack")
        seeds.append((".tif", out.getvalue()))
    return seeds


def _geotiffs() -> Seeds:
    values = scene_cut().transpose(2, 0, 1)
    seeds = []
    for bands, dtype, how in (
        (3, "uint8", {}),
        (3, "uint8", {"compress": "DEFLATE", "nodata": 0}),
        (4, "uint16", {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "LZW"}),
        (1, "float32", {"nodata": float("nan")}),
        (3, "uint8", {"compress": "JPEG", "photometric": "YCBCR"}),
        (2, "int16", {"crs": "EPSG:4326", "interleave": "band"}),
    ):
        stored = np.concatenate([values, values])[:bands].astype(dtype)
        profile = {
            "driver": "GTiff", "count": bands, "height": SIDE, "width": SIDE, "dtype": dtype, "crs": "EPSG:32610",
            "transform": rasterio.Affine(METRES, 0, WEST, 0, -METRES, NORTH), **how,
        }  # fmt: skip
        with rasterio.MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(stored)
                file.update_tags(1, name="red")
                file.scales, file.offsets = (0.5,) * bands, (1.0,) * bands
            seeds.append((".tif", bytes(memory.read())))
    return seeds


def _vectors() -> Seeds:
    ring = [[WEST + x, NORTH - y] for x, y in ((50, 50), (250, 50), (250, 250), (50, 250), (50, 50))]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32610"}}
    feature = {"type": "Feature", "properties": {"a": 1}, "geometry": polygon}
    many = {"type": "MultiPolygon", "coordinates": [[ring], [ring]]}
    whole = {"type": "FeatureCollection", "crs": crs, "features": [feature, {**feature, "geometry": many}]}
    seeds = [
        (".geojson", json.dumps(each).encode()) for each in (whole, feature | {"crs": crs}, polygon | {"crs": crs})
    ]
    points = " ".join(f"{-123 + x},{37.04 + y},0" for x, y in ((0, 0), (0.004, 0), (0.004, -0.004), (0, 0)))
    kml = (
        '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><Polygon><outerBoundaryIs>'
        f"<LinearRing><coordinates>{points}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        "</Document></kml>"
    )
    return [*seeds, (".kml", kml.encode()), *_written_by_gdal(np.array(ring))]


def _written_by_gdal(ring: np.ndarray[Any, Any]) -> Seeds:
    import tempfile  # noqa: PLC0415

    import pyogrio  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    seeds = []
    geometry = np.array([shapely.to_wkb(shapely.Polygon(ring))], object)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, driver in ((".gpkg", "GPKG"), (".fgb", "FlatGeobuf"), (".shp", "ESRI Shapefile")):
            path = Path(folder) / f"a{suffix}"
            pyogrio.raw.write(
                path, geometry, [], [], driver=driver, geometry_type="Polygon", crs="EPSG:32610", layer="a"
            )
            seeds.append((suffix, path.read_bytes()))
    return seeds


def _small_weights() -> bytes:
    data: bytes = save({"visual.conv1.weight": torch.ones(4, 3, 2, 2), "logit_scale": torch.ones(())}, {"format": "pt"})
    return data


def _saved(value: Any, new: bool = True) -> bytes:
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=new)
    return out.getvalue()


class _RunsCode:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        import os  # noqa: PLC0415

        return os.system, ("touch /tmp/sinddm-rs-fuzz-ran-code",)


def _endless() -> torch.Tensor:
    """A number that its file says stands there 10¹² times."""
    return torch.ones(1).expand(1_000_000, 1_000_000)


def _pickles() -> Seeds:
    plain = {"visual.conv1.weight": torch.ones(4, 3, 2, 2), "logit_scale": torch.ones(())}
    values = (plain, {"state_dict": {f"module.{name}": each for name, each in plain.items()}}, {"a": _RunsCode()})
    values = (*values, plain | {"visual.proj": _endless()}, {"a": [1]})
    return [(".pt", _saved(each, new)) for each in values for new in (True, False)]


def _gammas() -> torch.Tensor:
    scales = published_scales(torch.from_numpy(scene_cut()).permute(2, 0, 1).float() / 127.5 - 1.0)
    return Diffusion(noise_schedule("cosine"), scales.details).gammas[1:].clone()


def _officials() -> Seeds:
    network = new_network(8, 3, torch.Generator().manual_seed(0))
    weights = {f"{PREFIX}{name}": each for name, each in network.state_dict().items()}
    sound = {"step": 7, "ema": weights | {"gammas": _gammas()}, "model": {}}
    first = next(iter(weights))
    values = (
        sound,
        sound | {"ema": weights | {first: _endless()}},
        sound | {"ema": weights | {f"{PREFIX}final_conv.0.weight": torch.ones(1).expand(3, 10**9, 1, 1)}},
        sound | {"ema": weights | {"gammas": torch.tensor(1.0)}},
        sound | {"ema": weights | {"gammas": torch.eye(3).to_sparse(), first: torch.eye(2).to_sparse()}},
        sound | {"ema": {k: v.to(torch.complex64) for k, v in weights.items()}},
        sound | {"step": _RunsCode()},
        [sound],
    )
    return [(".pt", _saved(each)) for each in values]
