"""``sinddm-rs bench``: what an edit costs here, and what the accelerated search saves and changes."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..guidance.editing import edit_image
from ..guidance.settings import EditSettings
from ..rasters.bundled import scene_path
from ..rasters.files import read_raster
from ..sinddm.new_scene import new_scene
from ..sinddm.patch_swd import patch_swd
from ..sinddm.patches import PatchDenoiser, PatchSettings
from ..sinddm.sampling import sample
from .console import say
from .main import BEGUN

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


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    settings = EditSettings(device=chosen.device)
    scene = read_raster(scene_path("forest")).pixels
    image = _sized(scene, SIDE)
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
    answer["peak_memory_mb"] = _peak_memory()
    answer["exact"] = _against_exact(_sized(scene, EXACT_SIDE), chosen.device)
    curve = {}
    for side in CURVE:
        larger = _sized(scene, side)
        curve[f"{side}x{side}"] = _seconds(lambda larger=larger: edit_image(larger, TEXT, settings=settings))
        say(f"full edit at {side}×{side}: {curve[f'{side}x{side}']} s")
    answer["curve_full_edit_s"] = curve
    answer["growth_exponent"] = _round(_slope([2 * math.log(s) for s in CURVE], [math.log(v) for v in curve.values()]))
    answer["peak_memory_1024_mb"] = _peak_memory()
    return answer


def _sized(scene: Tensor, side: int) -> Tensor:
    """A square of the scene [C, H, W], mirrored outwards where it is larger than the scene."""
    while min(scene.shape[-2:]) < side:
        scene = torch.cat([scene, scene.flip(-1)], -1)
        scene = torch.cat([scene, scene.flip(-2)], -2)
    return scene[:, :side, :side].clone()


def _against_exact(image: Tensor, device: str) -> dict[str, Any]:
    """The same sampling run with the accelerated and with the exact search."""
    size = (int(image.shape[-2]), int(image.shape[-1]))
    times, distances = [], []
    for settings in (PatchSettings(), EXACT):
        begun = time.perf_counter()
        model = PatchDenoiser(image.to(device) * 2.0 - 1.0, settings=settings)
        with torch.no_grad():
            drawn = sample(model, size, torch.Generator().manual_seed(0), device=device)
        times.append(time.perf_counter() - begun)
        distances.append(patch_swd(drawn * 0.5 + 0.5, image, torch.Generator().manual_seed(0)))
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


def _slope(x: list[float], y: list[float]) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def _peak_memory() -> int | None:
    """Most memory the process ever held, in MB; None where the system does not tell."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 if sys.platform == "darwin" else 1 / 1024) / 2**20)


def _round(value: float) -> float:
    return round(value, 2)
