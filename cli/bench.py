"""``sinddm-rs bench``: what an edit costs here, and what the accelerated search saves and changes."""

from __future__ import annotations

import argparse
import math
import os
import time
from dataclasses import replace
from statistics import linear_regression
from typing import Any

import torch
from torch import Tensor

from ..guidance.editing import edit_image
from ..guidance.settings import EditSettings
from ..rasters.bundled import scene_path
from ..rasters.files import read_raster
from ..sinddm.new_scene import new_scene
from ..sinddm.patch_swd import patch_swd
from ..sinddm.patches.model import PatchDenoiser, PatchSettings
from ..sinddm.pyramid import size_of
from ..sinddm.sampling import sample
from ..sinddm.value_range import to_signed, to_unit
from . import bench_train
from .begun import BEGUN
from .console import say
from .measures import peak_memory, sized

TEXT = "A fire in the forest"
SIDE = 256
CURVE = (128, 256, 512, 1024)
EXACT_SIDE = 256
EXACT = replace(PatchSettings(), exact_below=2**62)
"""Every patch is compared at every place of every scale, as the closed form says."""


def add_to(commands: Any) -> None:
    parser = commands.add_parser("bench", help="seconds, memory and growth on this machine", description=__doc__)
    parser.add_argument("--device", default=EditSettings.device)
    parser.set_defaults(run=run)
    kinds = parser.add_subparsers(metavar="train", required=False)
    train = kinds.add_parser("train", help="the published recipe against ours", description=bench_train.__doc__)
    bench_train.add_to(train)
    train.set_defaults(run=bench_train.run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    settings = EditSettings(device=chosen.device)
    scene = read_raster(scene_path("forest")).pixels
    image = sized(scene, SIDE)
    edit_image(image, TEXT, settings=settings)
    answer: dict[str, Any] = {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "start_to_first_picture_s": _round(time.perf_counter() - BEGUN),
        "model_and_sample_s": _seconds(lambda: new_scene(image, (SIDE, SIDE), 0, chosen.device)),
        "full_edit_s": _seconds(lambda: edit_image(image, TEXT, settings=settings)),
    }
    quarter = torch.zeros(SIDE, SIDE)
    quarter[SIDE // 4 : 3 * SIDE // 4, SIDE // 4 : 3 * SIDE // 4] = 1.0
    answer["roi_quarter_edit_s"] = _seconds(lambda: edit_image(image, TEXT, roi=quarter, settings=settings))
    answer["peak_memory_mb"] = peak_memory()
    answer["exact"] = _against_exact(sized(scene, EXACT_SIDE), chosen.device)
    curve = {}
    for side in CURVE:
        larger = sized(scene, side)
        curve[f"{side}x{side}"] = _seconds(lambda larger=larger: edit_image(larger, TEXT, settings=settings))
        say(f"full edit at {side}×{side}: {curve[f'{side}x{side}']} s")
    answer["curve_full_edit_s"] = curve
    pixels, seconds = [2 * math.log(side) for side in CURVE], [math.log(each) for each in curve.values()]
    answer["growth_exponent"] = _round(linear_regression(pixels, seconds).slope)
    answer["peak_memory_1024_mb"] = peak_memory()
    return answer


def _against_exact(image: Tensor, device: str) -> dict[str, Any]:
    """The same sampling run with the accelerated and with the exact search."""
    size = size_of(image)
    times, distances = [], []
    for settings in (PatchSettings(), EXACT):
        begun = time.perf_counter()
        model = PatchDenoiser(to_signed(image.to(device)), settings=settings)
        with torch.no_grad():
            drawn = sample(model, size, torch.Generator().manual_seed(0), device=device)
        times.append(time.perf_counter() - begun)
        distances.append(patch_swd(to_unit(drawn), image, torch.Generator().manual_seed(0)))
    return {
        "size": f"{size[1]}x{size[0]}",
        "accelerated_s": _round(times[0]),
        "exact_s": _round(times[1]),
        "ratio": _round(times[1] / times[0]),
        "patch_swd_accelerated": round(distances[0], 5),
        "patch_swd_exact": round(distances[1], 5),
        "patch_swd_difference": round(distances[0] - distances[1], 5),
    }


def _seconds(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return _round(time.perf_counter() - begun)


def _round(value: float) -> float:
    return round(value, 2)
