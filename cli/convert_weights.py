"""``sinddm-rs convert-weights``: rewrite a CLIP's .pt as safetensors, which cannot run code and loads faster."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from ..guidance.clip.weights import convert


def add_to(commands: Any) -> None:
    parser = commands.add_parser("convert-weights", help="rewrite a .pt as safetensors", description=__doc__)
    parser.add_argument("weights", metavar="FILE", help="a CLIP's weights: .pt, .pth, .bin or .safetensors")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="file to write, .safetensors")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    begun = time.perf_counter()
    report = convert(Path(chosen.weights), Path(chosen.output))
    return {"output": chosen.output, "seconds": round(time.perf_counter() - begun, 2), **report}
