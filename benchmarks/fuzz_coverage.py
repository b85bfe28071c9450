"""Hostile texts and files led by coverage: Atheris changes them towards branches that no input has taken yet.

    pip install atheris
    python benchmarks/fuzz_coverage.py TARGET [-max_total_time=60] [other options of libFuzzer]

Each input has to end in a valid result or in an error of errors.py; any other ends the run with its traceback, and
the input is kept beside it. benchmarks/fuzz.py tries more readers, without that lead.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["comfyui_sinddm_rs"]):
    from comfyui_sinddm_rs.batch.jobs import read_jobs
    from comfyui_sinddm_rs.batch.labels import READERS
    from comfyui_sinddm_rs.errors import SinDDMError
    from comfyui_sinddm_rs.evaluation.ratings import read_ratings
    from comfyui_sinddm_rs.guidance.prompting.llm import clean_prompts, read_prompts
    from comfyui_sinddm_rs.guidance.prompting.prompts import parse_prompts
    from comfyui_sinddm_rs.rasters.files import read_raster
    from comfyui_sinddm_rs.rasters.regions import read_roi
    from comfyui_sinddm_rs.sinddm.network.model_file import load_model

from fuzz_kinds import ANSWER, RATINGS, ROW, VOC, XBD
from fuzz_seeds import all_seeds

FOLDER = Path(tempfile.mkdtemp(prefix="sinddm-rs-fuzz-"))


def _file(name: str, data: bytes) -> Path:
    path = FOLDER / name
    path.write_bytes(data)
    return path


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


TARGETS: dict[str, Callable[[bytes], object]] = {
    "answers": lambda data: clean_prompts(read_prompts(_text(data)), "a fire", 10),
    "prompts": lambda data: parse_prompts(_text(data), "a fire"),
    "region": lambda data: read_roi(_text(data), (48, 52)),
    "jobs": lambda data: read_jobs(_file("jobs.csv", data)),
    "job-lines": lambda data: read_jobs(_file("jobs.jsonl", data)),
    "ratings": lambda data: read_ratings([_file("ratings.csv", data)], {"c1": "k1"}),
    "buildings": lambda data: READERS["buildings"](_file("label", data)),
    "boxes": lambda data: READERS["boxes"](_file("label", data)),
    "model": lambda data: load_model(_file("model.safetensors", data)),
    "picture": lambda data: read_raster(_file("picture.png", data)),
}


def _seeds(target: str) -> list[bytes]:
    """Sound inputs to begin from."""
    texts = {
        "answers": [ANSWER],
        "prompts": ["smoke:0.5\n# no\na | b:2\nflames"],
        "region": ["1,2,9,9"],
        "jobs": [",".join(ROW) + "\n" + ",".join(f'"{each}"' for each in ROW.values()) + "\n"],
        "job-lines": [json.dumps(ROW)],
        "ratings": [RATINGS],
        "buildings": [json.dumps(XBD)],
        "boxes": [VOC],
    }
    if target in texts:
        return [text.encode() for text in texts[target]]
    return [data for suffix, data in all_seeds(None)[target] if suffix in (".safetensors", ".png")]


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"TARGET is one of {', '.join(TARGETS)}; options of libFuzzer follow.")
    name = sys.argv.pop(1)
    target, corpus = TARGETS[name], FOLDER / "corpus"
    corpus.mkdir()
    for number, data in enumerate(_seeds(name)):
        (corpus / str(number)).write_bytes(data)
    (FOLDER / "scene.png").write_bytes(b"x")  # that a job may name

    def one(data: bytes) -> None:
        with contextlib.suppress(SinDDMError):
            target(data)

    atheris.Setup([*sys.argv, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
