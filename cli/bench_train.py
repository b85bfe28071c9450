"""``sinddm-rs bench train``: the published recipe and ours on one image, side by side, and their samples."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import linear_regression
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..rasters.bundled import scene_path
from ..rasters.files import check_output, read_raster, write_bytes
from ..sinddm.denoiser import Denoiser
from ..sinddm.hybrid import model_denoiser
from ..sinddm.network.model import NetworkDenoiser, SinDDMModel
from ..sinddm.network.published_sampling import published_sample
from ..sinddm.new_scene import scene_from
from ..sinddm.patch_swd import patch_swd
from ..sinddm.patches.model import PatchDenoiser
from ..sinddm.scales import measured_scales
from ..sinddm.training.curves import Points, plot
from ..sinddm.training.held_out import held_out_loss
from ..sinddm.training.loop import Training, TrainSettings
from ..sinddm.training.recipes import RECIPES, Recipe
from ..sinddm.value_range import to_pixels, to_signed
from .console import say
from .measures import gradient_energy, peak_memory, sized

SIZE = (200, 250)
SEEDS = (0, 1, 2)
CURVE = (200, 500, 1000, 2000)
MEMORY_SIDE = 600
STEPS_TIMED = 8


@dataclass(frozen=True)
class Point:
    """A training at one moment: seconds and floating-point operations spent, held-out loss."""

    step: int
    seconds: float
    operations: float
    loss: float


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--image", metavar="IMAGE", help="what to train on (the bundled forest, 250x200)")
    parser.add_argument("--fast-seconds", type=float, default=120.0, help="budget of our recipe (%(default)s)")
    parser.add_argument("--reference-seconds", type=float, default=600.0, help="of the published one (%(default)s)")
    parser.add_argument("-o", "--output", default="bench_train.png", help="picture of the curves (%(default)s)")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    output = check_output(Path(chosen.output))
    scene = read_raster(chosen.image or scene_path("forest")).pixels
    image = scene[:, : SIZE[0], : SIZE[1]].contiguous() if chosen.image is None else scene
    _step_ms(scene, MEMORY_SIDE)
    memory = peak_memory()
    growth = {f"{side}x{side}": _step_ms(scene, side) for side in CURVE}
    fast, fast_curve = _curve(image, RECIPES["fast"], chosen.fast_seconds)
    # One measure for both: the published recipe sees the scales that ours is judged on. At up to 50,000 pixels they
    # have the published sizes; only the blur schedule differs.
    reference = replace(RECIPES["reference"], scales=measured_scales)
    published, reference_curve = _curve(image, reference, chosen.reference_seconds)
    write_bytes(output, _picture(fast_curve, reference_curve))
    return {
        "output": str(output),
        "size": f"{image.shape[-1]}x{image.shape[-2]}",
        "threads": torch.get_num_threads(),
        "fast": _told(fast_curve),
        "reference": _told(reference_curve),
        "compute_ratio": _compute_ratio(fast_curve, reference_curve),
        "samples": _samples(image, fast.model(), published.model()),
        "step_ms_by_side": growth,
        "peak_memory_600_mb": memory,
    }


def _curve(image: Tensor, recipe: Recipe, budget: float) -> tuple[Training, list[Point]]:
    """Train for ``budget`` seconds; measuring does not count."""
    training = Training(to_signed(image), TrainSettings(recipe.name, time_budget=budget), recipe=recipe)
    operations = _operations(training)
    points = [Point(0, 0.0, 0.0, held_out_loss(training.average, training.scales, training.diffusion))]
    for step in training.run():
        if step.seconds >= points[-1].seconds + budget / 24 or training.is_done:
            loss = held_out_loss(training.average, training.scales, training.diffusion)
            points.append(Point(step.step, step.seconds, step.step * operations, loss))
            say(f"{recipe.name}: step {step.step}, {step.seconds:.0f} s, held-out loss {loss:.4f}")
    return training, points


def _operations(training: Training) -> float:
    """Floating-point operations of one step, forward and backward, mean over the scales."""
    pixels = training.batches.pixels
    probe = torch.zeros(1, training.network.channels, 64, 64)
    with FlopCounterMode(display=False) as counter:
        training.network(probe, 0, 0).sum().backward()
    training.optimiser.zero_grad()
    return float(counter.get_total_flops()) / 64**2 * pixels


def _compute_ratio(fast: list[Point], reference: list[Point]) -> dict[str, Any]:
    """How much more the published recipe computes for the same held-out loss."""
    last = reference[-1]
    first = next((point for point in fast if point.loss <= last.loss), None)
    measured = None if first is None else last.operations / max(first.operations, 1.0)
    # loss = a · operations^−b through the second half of the published curve.
    later = [point for point in reference[len(reference) // 2 :] if point.operations > 0]
    xs, ys = [math.log(point.operations) for point in later], [math.log(point.loss) for point in later]
    slope, intercept = linear_regression(xs, ys) if len(set(xs)) > 1 else (0.0, 0.0)
    needed = math.exp((math.log(fast[-1].loss) - intercept) / slope) if slope < 0 else math.inf
    return {
        "reference_last_loss": round(last.loss, 4),
        "fast_needs_operations": None if first is None else first.operations,
        "reference_over_fast_measured": "the start is already better" if measured and first is fast[0] else measured,
        "reference_extrapolated_operations": needed,
        "reference_over_fast_extrapolated": round(needed / fast[-1].operations, 1),
        "exponent": round(slope, 3),
    }


def _samples(image: Tensor, fast: SinDDMModel, published: SinDDMModel) -> dict[str, Any]:
    """Patch-SWD to the source, mean over SEEDS, and network evaluations a sample takes."""
    size = fast.size
    drawers: dict[str, tuple[Any, int]] = {
        "patch": (lambda seed: PatchDenoiser(fast.image, seed=seed), 0),
        "network": (lambda _: NetworkDenoiser(fast), _evaluations(NetworkDenoiser(fast), fast)),
        "hybrid": (lambda seed: model_denoiser(fast, seed), _evaluations(model_denoiser(fast), fast)),
        "reference_network": (
            lambda _: NetworkDenoiser(published),
            _evaluations(NetworkDenoiser(published), published),
        ),
    }
    told = {}
    for name, (drawer, evaluations) in drawers.items():
        begun = time.perf_counter()
        drawn = [scene_from(drawer(seed), size, seed) for seed in SEEDS]
        seconds = (time.perf_counter() - begun) / len(SEEDS)
        told[name] = _judged(drawn, image, evaluations, seconds)
        say(f"{name}: {told[name]}")
    begun = time.perf_counter()
    runs = [published_sample(fast, size, torch.Generator().manual_seed(seed)) for seed in SEEDS]
    seconds = (time.perf_counter() - begun) / len(SEEDS)
    drawn = [to_pixels(picture) for picture, _ in runs]
    told["network_published_sampler"] = _judged(drawn, image, runs[0][1], seconds)
    return told


def _judged(drawn: list[Tensor], image: Tensor, evaluations: int, seconds: float) -> dict[str, Any]:
    distances = [patch_swd(each, image, torch.Generator().manual_seed(0)) for each in drawn]
    energy = [gradient_energy(each) / gradient_energy(image) for each in drawn]
    return {
        "patch_swd": round(sum(distances) / len(distances), 5),
        "gradient_energy": round(sum(energy) / len(energy), 3),
        "network_evaluations": evaluations,
        "seconds": round(seconds, 2),
    }


def _evaluations(denoiser: Denoiser, model: SinDDMModel) -> int:
    """Levels that carry a time step are the network's."""
    scales = range(len(denoiser.sizes(model.size)))
    return sum(level.step is not None for scale in scales for level in denoiser.levels(scale, None))


def _step_ms(scene: Tensor, side: int) -> float:
    """Milliseconds of one fast step on a square image."""
    training = Training(to_signed(sized(scene, side)), TrainSettings(iterations=STEPS_TIMED + 2))
    times = [step.seconds for step in training.run()]
    taken = round(1000 * (times[-1] - times[1]) / STEPS_TIMED, 1)
    say(f"one step at {side}×{side}: {taken} ms")
    return taken


def _told(curve: list[Point]) -> list[dict[str, float]]:
    return [
        {"step": p.step, "seconds": round(p.seconds, 1), "operations": p.operations, "loss": round(p.loss, 4)}
        for p in curve
    ]


def _picture(fast: list[Point], reference: list[Point]) -> bytes:
    def points(curve: list[Point]) -> Points:
        return [(point.operations, point.loss) for point in curve if point.operations > 0]

    curves = {"fast (pre-trained start)": points(fast), "reference (published)": points(reference)}
    curves["fast before any step"] = [(min(p[0] for c in curves.values() for p in c), fast[0].loss)]
    return plot(curves, "floating-point operations", "held-out |noise - predicted|", log_x=True)
