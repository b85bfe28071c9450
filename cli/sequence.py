"""``sinddm-rs sequence``: one place through several states, such as before, during and after a fire."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..geo.documents import open_for_edit, summary
from ..geo.selection import Selection
from ..guidance.sequences import edit_sequence
from ..guidance.settings import EditSettings
from ..rasters.files import make_folder
from .console import progress_bar, say
from .edit_options import add_edit_options, read_settings

LOSSY = (".jpg", ".jpeg", ".webp")


def add_to(commands: Any) -> None:
    parser = commands.add_parser("sequence", help="one place through several states, as texts say", description=__doc__)
    parser.add_argument("image", metavar="IMAGE", help="PNG, JPEG, WebP, TIFF or GeoTIFF: the first state")
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="+",
        help='a sentence for each further state, for example "A fire in the forest" "The forest is burnt"',
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", required=True, help="folder for state_1, state_2, …, in the image's format"
    )
    parser.add_argument("--roi", metavar="MASK|x,y,w,h", help="the place, as of sinddm-rs edit (the first text's)")
    parser.add_argument("--seed", type=int, default=EditSettings.seed, help="of all states (%(default)s)")
    add_edit_options(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    settings = replace(read_settings(chosen), seed=chosen.seed)
    path = Path(chosen.image)
    document = open_for_edit(path, chosen.roi)
    if isinstance(document, Selection):
        raise InputError(f"{path} is edited in tiles, which a sequence cannot do; give a smaller --roi.")
    suffix = ".png" if path.suffix.lower() in LOSSY else path.suffix
    folder = make_folder(chosen.output)
    outputs = [folder / f"state_{i + 1}{suffix}" for i in range(len(chosen.texts))]
    for output in outputs:
        document.check_output(output)
    with progress_bar("editing") as progress:
        results = edit_sequence(
            document.pixels,
            chosen.texts,
            roi=document.roi,
            settings=settings,
            valid=document.valid,
            units=document.units,
            progress=progress,
        )
    states = []
    for output, text, result in zip(outputs, chosen.texts, results, strict=True):
        document.write(output, result.image, result.changed)
        numbers = {"output": str(output), "text": text} | summary(document, result)
        for warning in numbers["warnings"]:
            say(f"sinddm-rs: {text}: {warning}")
        states.append(numbers)
    return {"states": states}
