"""``sinddm-rs batch``: many edits at once, as image pairs for change detection.

Each line of JOBS is a picture, a sentence and, at will, a region, a seed and a number of edits. DIR receives A, B and
label in the layout of LEVIR-CD, and manifest.jsonl with every parameter and score. What is done is not done again: the
same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
from typing import Any

from .edit_options import add_edit_options

ENGINES = ("local", "ray")


def add_to(commands: Any) -> None:
    parser = commands.add_parser("batch", help="make many edits, as pairs for change detection", description=__doc__)
    parser.add_argument(
        "jobs", nargs="?", metavar="JOBS", help="list with image, prompt, roi, seed, n (.csv, .tsv or .jsonl)"
    )
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="folder for the pairs and the manifest")
    parser.add_argument(
        "--dataset",
        nargs=2,
        metavar=("NAME", "DIR"),
        help="instead of JOBS, the pictures of a published dataset: aid, hrsc2016-ms, xbd or levir-cd",
    )
    parser.add_argument("--prompt", metavar="PROMPT", help="the sentence for all pictures of --dataset")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first pictures of --dataset")
    parser.add_argument("--seed", type=int, metavar="N", help="the first seed for pictures of --dataset (0)")
    parser.add_argument("--edits", type=int, metavar="N", help="edits of each picture of --dataset (1)")
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="who does the work (%(default)s)")
    parser.add_argument("--workers", type=int, metavar="N", help="edits at a time (as many as there are processors)")
    parser.add_argument("--address", metavar="HOST:PORT|auto", help="a Ray cluster that is there, for --engine ray")
    parser.add_argument(
        "--resume", action="store_true", help="go on in a folder that holds pairs of other jobs or settings too"
    )
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        default="train",
        help="what the files' names begin with, by which loaders of LEVIR-CD choose (%(default)s)",
    )
    add_edit_options(parser)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    # Slow to load, and no other command needs it.
    from .batch_run import batch  # noqa: PLC0415

    return batch(chosen)
