"""``sinddm-rs import-official``: a checkpoint of the published SinDDM code as a model of ours."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ..rasters.files import read_raster, write_bytes
from ..sinddm.network.model_file import model_bytes
from ..sinddm.network.official import import_official
from ..sinddm.training.run import check_model_output
from ..sinddm.value_range import to_signed


def add_to(commands: Any) -> None:
    parser = commands.add_parser("import-official", help="convert a published SinDDM model", description=__doc__)
    parser.add_argument("checkpoint", metavar="FILE.pt", help="model-N.pt as the SinDDM code saves it")
    parser.add_argument("--image", metavar="IMAGE", required=True, help="the picture it was trained on")
    parser.add_argument("-o", "--output", metavar="MODEL", required=True, help="file to write, .safetensors")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    begun = time.perf_counter()
    output = check_model_output(chosen.output)
    source = read_raster(chosen.image)
    model = import_official(chosen.checkpoint, to_signed(source.pixels), source.values)
    write_bytes(output, model_bytes(model))
    return {
        "output": str(output),
        "seconds": round(time.perf_counter() - begun, 2),
        "width": model.network.dim,
        "scales": model.scales,
        "size": f"{model.size[1]}x{model.size[0]}",
        "iterations": model.origin.iterations,
    }
