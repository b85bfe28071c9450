"""``sinddm-rs sample``: new scenes that look like the image."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..guidance.checks import checked_device
from ..guidance.settings import EditSettings
from ..rasters.files import check_output, make_folder, read_raster, write_new
from ..rasters.raster import Raster, blank_raster, check_size
from ..sinddm.hybrid import model_denoiser
from ..sinddm.model_file import MODEL_SUFFIX, load_model
from ..sinddm.new_scene import new_scene, scene_from
from ..sinddm.pyramid import Size
from .console import say

MAX_SAMPLES = 1000


def add_to(commands: Any) -> None:
    parser = commands.add_parser("sample", help="new scenes that look like the image", description=__doc__)
    parser.add_argument("source", metavar="IMAGE_OR_MODEL", help="PNG, JPEG, WebP, TIFF, or a .safetensors model")
    parser.add_argument("-n", "--count", type=int, default=1, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--size", metavar="WxH", help="width and height in pixels (those of the image)")
    parser.add_argument("--seed", type=int, default=EditSettings.seed, help="seed of the first one (%(default)s)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        required=True,
        help="folder for sample_SEED.png (.tif for other than 1 or 3 bands)",
    )
    parser.add_argument("--device", default=EditSettings.device, help="where the model runs (%(default)s)")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    if not 1 <= chosen.count <= MAX_SAMPLES:
        raise InputError(f"{chosen.count} samples cannot be made; choose 1 to {MAX_SAMPLES:,}.")
    EditSettings(seed=chosen.seed)
    device = checked_device(chosen.device)
    draw, source = _drawer(Path(chosen.source), device)
    size = source.size if chosen.size is None else parse_size(chosen.size)
    folder = make_folder(chosen.output)
    suffix = ".png" if source.bands in (1, 3) and source.stored.dtype.kind == "u" else ".tif"
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    outputs = [check_output(folder / f"sample_{seed}{suffix}", inputs=[chosen.source]) for seed in seeds]
    begun = time.perf_counter()
    for seed, path in zip(seeds, outputs, strict=True):
        write_new(path, draw.scene(size, seed), source)
        say(str(path))
    return {
        "outputs": [str(path) for path in outputs],
        "seconds": round(time.perf_counter() - begun, 2),
        "seed": chosen.seed,
        "model": draw.name,
    }


@dataclass(frozen=True)
class _Drawer:
    """Draws new scenes; ``name`` is the kind of model."""

    name: str
    scene: Callable[[Size, int], Tensor]


def _drawer(path: Path, device: str) -> tuple[_Drawer, Raster]:
    """What draws from an image or a model file, and the picture that its scenes are stored like."""
    if path.suffix != MODEL_SUFFIX:
        source = read_raster(path)
        return _Drawer("patch", lambda size, seed: new_scene(source.pixels, size, seed, device)), source
    model = load_model(path).to(device)
    like = blank_raster(model.network.channels, model.size, model.origin.values, str(path))
    return _Drawer("hybrid", lambda size, seed: scene_from(model_denoiser(model, seed), size, seed, device)), like


def parse_size(text: str) -> tuple[int, int]:
    """ "WxH" in pixels → (height, width). Raises InputError."""
    match = re.fullmatch(r"(\d+)[xX×](\d+)", text.strip())
    if match is None:
        raise InputError(f"The size '{text}' is not WxH in pixels; write for example 512x384.")
    width, height = int(match[1]), int(match[2])
    check_size(height, width, "The new scene")
    return height, width
