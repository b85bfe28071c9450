"""``sinddm-rs score``: how well an image fits a text and, with its source, what an edit changed and kept."""

from __future__ import annotations

import argparse
from typing import Any

from ..guidance.guides import load_guide
from ..guidance.job import PLAIN_TEXT
from ..guidance.scores import score_edit
from ..guidance.settings import EditSettings
from ..rasters.files import read_raster
from ..rasters.raster import unit_pixels
from ..rasters.regions import read_roi
from .console import say
from .prompt_options import add_prompt_options, read_ensemble

DEFAULTS = EditSettings()


def add_to(commands: Any) -> None:
    parser = commands.add_parser("score", help="how well an image fits a text", description=__doc__)
    parser.add_argument("image", metavar="IMAGE", help="PNG, JPEG, WebP or TIFF")
    parser.add_argument("text", metavar="TEXT", help='one sentence, for example "A fire in the forest"')
    parser.add_argument("--source", metavar="IMG", help="the image before its edit, of the same size and bands")
    parser.add_argument(
        "--mask",
        metavar="MASK|x,y,w,h",
        help="the edited region: a mask (white) or a rectangle in pixels; default: where image and source differ",
    )
    parser.add_argument(
        "--guide",
        default=DEFAULTS.guide,
        metavar="NAME|FILE",
        help="what scores, best another one than guided the edit: see sinddm-rs doctor (%(default)s)",
    )
    parser.add_argument("--guided-by", metavar="NAME|FILE", help="what guided the edit, where that is known")
    parser.add_argument(
        "--source-text", default=PLAIN_TEXT, metavar="T", help="what the source shows, in words (%(default)s)"
    )
    add_prompt_options(parser)
    parser.add_argument(
        "--device", default=DEFAULTS.device, help="where the guide runs, for example cpu or cuda (%(default)s)"
    )
    # As in the paper, a score is that of the text as it was written.
    parser.set_defaults(run=run, prompts="none")


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    image = read_raster(chosen.image)
    source = None if chosen.source is None else read_raster(chosen.source)
    pixels = image.pixels
    if source is not None and source.stored.dtype == image.stored.dtype:
        # An edit is written in the values of its source, which an edit's own least and greatest value do not tell.
        pixels = unit_pixels(image.stored, source.low, source.high).clamp(0.0, 1.0)
    mask = None if chosen.mask is None else read_roi(chosen.mask, image.size)
    scores = score_edit(
        pixels,
        chosen.text,
        guide=load_guide(chosen.guide, chosen.device),
        source=None if source is None else source.pixels,
        mask=mask,
        prompts=read_ensemble(chosen, chosen.text),
        source_text=chosen.source_text,
        guided_by=chosen.guided_by,
    )
    for warning in scores.warnings:
        say(f"sinddm-rs: {warning}")
    return scores.summary()
