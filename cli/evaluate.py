"""``sinddm-rs evaluate``: methods over scenes, prompts and seeds, scored, and one report of it all.

What is done is kept in DIR and not done again: the same command goes on where it was interrupted, and a further method,
seed or scorer adds to what is there.
"""

from __future__ import annotations

import argparse
from typing import Any

from ..guidance.settings import EditSettings


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate", help="run methods over scenes and report their scores", description=__doc__
    )
    parser.add_argument(
        "plan",
        nargs="?",
        metavar="PLAN",
        help="list with the columns prompt, scene, roi (.tsv or .csv); default: the paper's prompts on example scenes",
    )
    parser.add_argument("--scenes", metavar="DIR", help="folder of the plan's scenes and masks (that of the plan)")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="folder for results and report.html")
    parser.add_argument(
        "--methods",
        default="default",
        metavar="A,B|ablations",
        help="ways of this program to edit, as docs/evaluation.md lists them; 'ablations' is all (%(default)s)",
    )
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        metavar="NAME[=FOLDER]",
        help="a published model to compare with, and the folder that holds it; may be repeated",
    )
    parser.add_argument("--other-guide", metavar="NAME|FILE", help="the guide that the method other-guide steers by")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds of each edit (%(default)s)")
    parser.add_argument("--seed", type=int, default=EditSettings.seed, help="the first of them (%(default)s)")
    parser.add_argument(
        "--scorer",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help=f"a guide that scores, best another one than guides; may be repeated ({EditSettings.guide})",
    )
    parser.add_argument(
        "--train-budget",
        metavar="90s|5m",
        help="training time of a scene's network, for the methods hybrid and network (two minutes)",
    )
    parser.add_argument(
        "--rating-page", action="store_true", help="write DIR/rating.html, for people to rate the edits"
    )
    parser.add_argument("--ratings", nargs="+", default=[], metavar="CSV", help="what that page's raters handed in")
    parser.add_argument("--device", default=EditSettings.device, help="where all models run (%(default)s)")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    # Slow to load, and no other command needs it.
    from .evaluate_run import evaluate  # noqa: PLC0415

    return evaluate(chosen)
