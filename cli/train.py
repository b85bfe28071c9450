"""``sinddm-rs train``: a SinDDM model of one image."""

from __future__ import annotations

import argparse
import math
import re
import time
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..geo.learning import read_to_learn
from ..guidance.checks import checked_device, checked_exemplar
from ..guidance.event_pictures import event_pictures
from ..rasters.files import read_raster, write_rgb
from ..sinddm.network.model import NetworkDenoiser
from ..sinddm.new_scene import scene_from
from ..sinddm.schedule import SCHEDULES
from ..sinddm.training.checkpoint import checkpoint_path
from ..sinddm.training.loop import Training, TrainSettings, TrainStep
from ..sinddm.training.recipes import RECIPES
from ..sinddm.training.run import check_model_output, train_to_file
from ..sinddm.value_range import to_signed
from .console import interrupt_between_steps, say, training_bar

DEFAULTS = TrainSettings()
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("train", help="learn a model of one image", description=__doc__)
    parser.add_argument("image", metavar="IMAGE", help="PNG, JPEG, WebP or TIFF")
    parser.add_argument("-o", "--output", metavar="MODEL", required=True, help="file to write, .safetensors")
    parser.add_argument("--recipe", choices=RECIPES, default=DEFAULTS.recipe, help="how to train (%(default)s)")
    parser.add_argument("--iterations", type=int, metavar="N", help="training steps (the recipe's own)")
    parser.add_argument("--time-budget", metavar="90s|5m", help="end the training after so long (no limit)")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint beside MODEL")
    parser.add_argument("--exemplar", action="append", default=[], metavar="IMAGE", help="a further picture to know")
    parser.add_argument(
        "--event",
        action="append",
        default=[],
        metavar="TEXT",
        help="an event to know as well, for edits; may be repeated",
    )
    parser.add_argument("--schedule", choices=SCHEDULES, default=DEFAULTS.schedule, help="of the noise (%(default)s)")
    parser.add_argument("--width", type=int, metavar="N", help="of the network's widest block (the recipe's own)")
    parser.add_argument(
        "--previews", type=int, default=0, metavar="N", help="new scenes drawn on the way, as MODEL_preview_K.png"
    )
    parser.add_argument("--seed", type=int, default=DEFAULTS.seed, help="(%(default)s)")
    parser.add_argument("--device", default=DEFAULTS.device, help="where to train (%(default)s)")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    settings = TrainSettings(
        recipe=chosen.recipe,
        iterations=chosen.iterations,
        time_budget=None if chosen.time_budget is None else parse_duration(chosen.time_budget),
        width=chosen.width,
        schedule=chosen.schedule,
        seed=chosen.seed,
        device=checked_device(chosen.device),
    )
    output = check_model_output(chosen.output)
    source = read_to_learn(Path(chosen.image))
    for note in source.notes:
        say(f"sinddm-rs: {note}")
    exemplars = [to_signed(checked_exemplar(read_raster(path).pixels, source.pixels)) for path in chosen.exemplar]
    events = []
    for text in chosen.event:
        name, drawn = event_pictures(source.pixels, text, settings.seed)
        events.append(name)
        exemplars += [to_signed(each) for each in drawn]
    training = Training(to_signed(source.pixels), settings, exemplars, source.values, events)
    begun = time.perf_counter()
    with training_bar() as bar, interrupt_between_steps() as stopped:

        def on_step(step: TrainStep, training: Training) -> None:
            bar(step)
            if stopped.is_set():
                raise KeyboardInterrupt
            if chosen.previews and step.step % max(1, step.iterations // chosen.previews) == 0:
                _preview(training, output, step.step)

        try:
            model = train_to_file(training, output, resume=chosen.resume, on_step=on_step)
        except KeyboardInterrupt:
            say(f"sinddm-rs: the training is put aside as {checkpoint_path(output)}; go on with --resume.")
            raise
    say(f"{output}: {training.step:,} steps in {training.seconds:.0f} s")
    last = training.losses[-50:]
    return {
        "output": str(output),
        "loss_curve": str(output.with_name(f"{output.stem}_loss.png")),
        "seconds": round(time.perf_counter() - begun, 2),
        "seed": settings.seed,
        "recipe": settings.recipe,
        "iterations": training.step,
        "scales": model.scales,
        "events": events,
        "loss": round(sum(last) / max(1, len(last)), 4),
        "scale_losses": [None if math.isnan(value) else round(value, 4) for value in training.scale_losses],
    }


def _preview(training: Training, output: Path, step: int) -> None:
    model = training.model()
    drawn = scene_from(NetworkDenoiser(model), model.size, training.settings.seed)
    write_rgb(output.with_name(f"{output.stem}_preview_{step}.png"), drawn)


def parse_duration(text: str) -> float:
    """ "90s", "5m", "1.5h" or plain seconds → seconds. Raises InputError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise InputError(f"The time budget '{text}' is no duration; write for example 90s or 5m.")
    return float(match[1]) * UNITS[match[2]]
