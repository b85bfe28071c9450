"""``sinddm-rs fetch-guide``: download the weights of a CLIP; no other command does."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from ..guidance.clip.download import fetch, sha256_of
from ..guidance.clip.presets import PRESETS
from ..guidance.clip.weights import model_folders


def add_to(commands: Any) -> None:
    parser = commands.add_parser("fetch-guide", help="download a CLIP that can guide edits", description=__doc__)
    parser.add_argument("name", metavar="NAME", choices=list(PRESETS), help=f"one of {', '.join(PRESETS)}")
    parser.add_argument("--models", metavar="DIR", help="folder to put it into (default: the first that is looked in)")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    begun = time.perf_counter()
    folder = Path(chosen.models) if chosen.models else model_folders()[0]
    path = fetch(PRESETS[chosen.name], folder)
    files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
    largest = max(files, key=lambda each: each.stat().st_size)
    return {
        "path": str(path),
        "bytes": sum(each.stat().st_size for each in files),
        "sha256": sha256_of(largest),
        "seconds": round(time.perf_counter() - begun, 2),
    }
