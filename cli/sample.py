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
from ..geo.learning import read_to_learn
from ..guidance.checks import checked_device
from ..guidance.settings import EditSettings, check_seed
from ..rasters.encoding import lossless_suffix
from ..rasters.files import check_output, make_folder, write_new
from ..rasters.raster import blank_raster, check_size
from ..sinddm.hybrid import model_denoiser
from ..sinddm.network.model_file import MODEL_SUFFIX, load_model
from ..sinddm.new_scene import new_scene, scene_from
from ..sinddm.pyramid import Size, size_of
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
    check_seed(chosen.seed)
    device = checked_device(chosen.device)
    draw = _drawer(Path(chosen.source), device)
    size = draw.size if chosen.size is None else parse_size(chosen.size)
    folder = make_folder(chosen.output)
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    outputs = [folder / f"sample_{seed}{draw.suffix}" for seed in seeds]
    for path in outputs:
        draw.check_output(path)
    begun = time.perf_counter()
    for seed, path in zip(seeds, outputs, strict=True):
        draw.write(path, draw.scene(size, seed))
        say(str(path))
    return {
        "outputs": [str(path) for path in outputs],
        "seconds": round(time.perf_counter() - begun, 2),
        "seed": chosen.seed,
        "model": draw.name,
    }


@dataclass(frozen=True)
class _Drawer:
    """Draws new scenes and writes them; ``name`` is the kind of model, ``size`` (height, width) that of its picture."""

    name: str
    size: Size
    suffix: str
    scene: Callable[[Size, int], Tensor]
    check_output: Callable[[Path], object]
    write: Callable[[Path, Tensor], None]


def _drawer(path: Path, device: str) -> _Drawer:
    """What draws from an image or a model file."""
    if path.suffix != MODEL_SUFFIX:
        learnt = read_to_learn(path)
        for note in learnt.notes:
            say(f"sinddm-rs: {note}")
        return _Drawer(
            "patch",
            size_of(learnt.pixels),
            learnt.suffix,
            lambda size, seed: new_scene(learnt.pixels, size, seed, device),
            learnt.check_output,
            learnt.write_new,
        )
    model = load_model(path).to(device)
    like = blank_raster(model.network.channels, model.size, model.origin.values, str(path))
    return _Drawer(
        "hybrid",
        model.size,
        lossless_suffix(like.stored, None),
        lambda size, seed: scene_from(model_denoiser(model, seed), size, seed, device),
        lambda target: check_output(target, inputs=[path]),
        lambda target, pixels: write_new(target, pixels, like),
    )


def parse_size(text: str) -> tuple[int, int]:
    """ "WxH" in pixels → (height, width). Raises InputError."""
    match = re.fullmatch(r"(\d+)[xX×](\d+)", text.strip())
    if match is None:
        raise InputError(f"The size '{text}' is not WxH in pixels; write for example 512x384.")
    width, height = int(match[1]), int(match[2])
    check_size(height, width, "The new scene")
    return height, width
