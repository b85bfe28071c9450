"""``sinddm-rs demo``: three edits of bundled scenes, to see what the package does."""

from __future__ import annotations

import argparse
from typing import Any

from ..guidance.checks import checked_device
from ..guidance.editing import edit_image
from ..guidance.report import side_by_side
from ..guidance.settings import EditSettings
from ..rasters.bundled import roi_path, scene_path
from ..rasters.files import make_folder, read_raster, write_raster, write_rgb
from ..rasters.regions import read_mask
from .console import progress_bar, say

FOLDER = "sinddm-rs-demo"
EDITS = (
    ("forest", "A fire in the forest", False),
    ("river", "The river is flooding", False),
    ("house", "The house is damaged", True),
)
"""Scene, text, and whether only the scene's suggested region may change."""
SEED = 3
"""Chosen by eye among four: at 0 the fire burns at the picture's border."""


def add_to(commands: Any) -> None:
    parser = commands.add_parser("demo", help="three edits of bundled scenes", description=__doc__)
    parser.add_argument("-o", "--output", metavar="DIR", default=FOLDER, help="folder for the pictures (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--device", default=EditSettings.device)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    settings = EditSettings(seed=chosen.seed, device=chosen.device)
    checked_device(chosen.device)
    folder = make_folder(chosen.output)
    edits = []
    for scene, text, in_region in EDITS:
        source = read_raster(scene_path(scene))
        mask = roi_path(scene) if in_region else None
        roi = None if mask is None else read_mask(mask, source.size)
        with progress_bar(text) as progress:
            result = edit_image(source.pixels, text, roi=roi, settings=settings, progress=progress)
        output, report = folder / f"{scene}_edit.png", folder / f"{scene}_report.png"
        write_raster(output, result.image, source, result.changed > 0)
        write_rgb(report, side_by_side(source.pixels, result.image))
        say(f"{text}: {report} ({result.seconds:.1f} s)")
        edits.append({"text": text, "output": str(output), "report": str(report)} | result.summary())
    say(f"The pictures are in {folder.resolve()}")
    return {"folder": str(folder), "edits": edits}
