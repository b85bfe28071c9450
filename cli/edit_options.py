"""The options of one edit, for every command that edits pictures."""

from __future__ import annotations

import argparse

from ..guidance.presets import PRESETS
from ..guidance.settings import EditSettings

DEFAULTS = EditSettings()


def add_edit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strength", type=float, default=DEFAULTS.strength, help="0…3; 1 is a typical event (%(default)s)"
    )
    parser.add_argument(
        "--candidates",
        type=int,
        default=DEFAULTS.candidates,
        metavar="N",
        help="seeds to try for each edit; the best is kept (%(default)s)",
    )
    parser.add_argument(
        "--guide",
        default=DEFAULTS.guide,
        metavar="NAME|FILE",
        help="what judges image and text: see sinddm-rs doctor (%(default)s)",
    )
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), default=DEFAULTS.preset, help="how the guide steers (%(default)s)"
    )
    parser.add_argument(
        "--device",
        default=DEFAULTS.device,
        help="where the model runs, for example cpu or cuda (%(default)s)",
    )


def read_settings(chosen: argparse.Namespace) -> EditSettings:
    """What ``add_edit_options`` has read; seed and exemplars are their defaults, for not every command has them."""
    return EditSettings(
        strength=chosen.strength,
        candidates=chosen.candidates,
        guide=chosen.guide,
        preset=chosen.preset,
        device=chosen.device,
    )
