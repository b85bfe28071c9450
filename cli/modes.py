"""``sinddm-rs harmonise``, ``transfer-style`` and ``paste``: what a trained model does besides editing by text."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..guidance.settings import EditSettings, check_seed
from ..rasters.files import check_output, read_raster, write_new, write_raster
from ..rasters.raster import blank_raster
from ..rasters.regions import read_roi
from ..sinddm.modes import (
    HARMONISE_STEPS,
    PASTE_SHARE,
    STYLE_STEPS,
    Box,
    Paste,
    harmonise,
    paste_patches,
    transfer_style,
)
from ..sinddm.network.model_file import load_model


def add_to(commands: Any) -> None:
    blend = _command(commands, "harmonise", "let a pasted object take on the look of the model's picture", _harmonise)
    blend.add_argument("image", metavar="IMAGE", help="the picture with the object on it")
    blend.add_argument("--mask", metavar="MASK|x,y,w,h", required=True, help="where the object is (white)")
    blend.add_argument("--steps", type=int, default=HARMONISE_STEPS, help="time step to begin at (%(default)s)")
    style = _command(commands, "transfer-style", "the image in colours and texture of the model's picture", _style)
    style.add_argument("image", metavar="IMAGE", help="the picture whose layout stays")
    style.add_argument("--steps", type=int, default=STYLE_STEPS, help="time step to begin at (%(default)s)")
    paste = _command(commands, "paste", "a new scene that shows one part of the picture in given places", _paste)
    paste.add_argument(
        "--from", dest="source", metavar="x,y,w,h", required=True, help="the part of the model's picture"
    )
    paste.add_argument("--to", action="append", metavar="x,y,w,h", required=True, help="a place; may be repeated")
    paste.add_argument("--share", type=float, default=PASTE_SHARE, help="0…1; how firmly (%(default)s)")


def _command(commands: Any, name: str, what: str, work: Callable[[argparse.Namespace], None]) -> Any:
    parser = commands.add_parser(name, help=what, description=what)
    parser.add_argument("--model", metavar="MODEL", required=True, help="made by sinddm-rs train")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="picture to write")
    parser.add_argument("--seed", type=int, default=EditSettings.seed, help="(%(default)s)")
    parser.set_defaults(run=lambda chosen: _timed(chosen, work))
    return parser


def _timed(chosen: argparse.Namespace, work: Callable[[argparse.Namespace], None]) -> dict[str, Any]:
    check_seed(chosen.seed)
    begun = time.perf_counter()
    work(chosen)
    return {"output": chosen.output, "seconds": round(time.perf_counter() - begun, 2), "seed": chosen.seed}


def _harmonise(chosen: argparse.Namespace) -> None:
    source, model = read_raster(chosen.image), load_model(chosen.model)
    output = check_output(Path(chosen.output), source, [chosen.image, chosen.model])
    mask = read_roi(chosen.mask, source.size)
    blended = harmonise(model, source.pixels, mask, chosen.seed, chosen.steps)
    write_raster(output, blended, source, _differs(blended, source.pixels))


def _style(chosen: argparse.Namespace) -> None:
    source, model = read_raster(chosen.image), load_model(chosen.model)
    output = check_output(Path(chosen.output), source, [chosen.image, chosen.model])
    write_raster(output, transfer_style(model, source.pixels, chosen.seed, chosen.steps), source)


def _paste(chosen: argparse.Namespace) -> None:
    model = load_model(chosen.model)
    like = blank_raster(model.network.channels, model.size, model.origin.values, chosen.model)
    output = check_output(Path(chosen.output), like, [chosen.model])
    if not 0.0 <= chosen.share <= 1.0:
        raise InputError(f"The share {chosen.share:g} is outside 0…1; 1 copies the part as it is.")
    paste = Paste(_box(chosen.source), [_box(each) for each in chosen.to])
    write_new(output, paste_patches(model, paste, seed=chosen.seed, share=chosen.share), like)


def _differs(edited: Tensor, source: Tensor) -> Tensor:
    return (edited != source).any(0)


def _box(text: str) -> Box:
    try:
        x, y, width, height = (int(each) for each in text.split(","))
    except ValueError:
        raise InputError(f"The box '{text}' is not x,y,w,h in whole pixels; write for example 20,30,64,48.") from None
    return x, y, width, height
