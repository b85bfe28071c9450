"""How many edits a minute a batch makes, with 1 and 2 workers.

    python benchmarks/batch.py [--engine local|ray] [--workers 1 2] [--edits 12] [--side 256]
    python benchmarks/batch.py --parts    # of one edit: what its picture's other edits could share

The jobs are two prompts over bundled scenes, cut to --side pixels. "Edits a minute" is of the whole run, from a start
without workers; "steady" leaves out the time until each worker has answered once, which a long batch does not notice.
Processor time is that of the workers with their start, and tells more than the clock where other programs need the
cores too; it and memory (the largest of one worker) are known of the local engine alone. All runs must give the same
bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import torch
from comfyui_sinddm_rs.batch.jobs import Job, job_name
from comfyui_sinddm_rs.batch.local import LocalEngine
from comfyui_sinddm_rs.batch.progress import BatchProgress
from comfyui_sinddm_rs.batch.ray_engine import RayEngine
from comfyui_sinddm_rs.batch.run import Engine, run_batch
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.job import prepare
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from PIL import Image

CASES = (("forest", "A fire in the forest"), ("river", "The river is flooding"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--edits", type=int, default=12)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--parts", action="store_true")
    chosen = parser.parse_args()
    if chosen.parts:
        parts(chosen.side)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        jobs = make_jobs(folder, chosen.edits, chosen.side)
        print(f"{len(jobs)} edits of {chosen.side} px, engine {chosen.engine}, torch {torch.__version__}")
        found = {workers: measured(jobs, folder / str(workers), chosen.engine, workers) for workers in chosen.workers}
    assert len(set(found.values())) == 1, "the runs differ"


def make_jobs(folder: Path, edits: int, side: int) -> list[Job]:
    for scene, _ in CASES:
        with Image.open(scene_path(scene)) as image:
            image.convert("RGB").crop((0, 0, side, side)).save(folder / f"{scene}.png")
    cases = [CASES[i % len(CASES)] for i in range(edits)]
    return [
        Job(job_name("train", i, f"{scene}.png", i), f"{scene}.png", prompt, i, "", folder)
        for i, (scene, prompt) in enumerate(cases)
    ]


def measured(jobs: list[Job], out: Path, name: str, workers: int) -> str:
    """Print one line of figures; returns a digest of all pictures."""
    engine: Engine = RayEngine(None, workers) if name == "ray" else LocalEngine(workers)
    ends: list[float] = []

    def tell(_progress: BatchProgress) -> None:
        ends.append(time.perf_counter())

    used = processor_seconds()
    begun, load = time.perf_counter(), os.getloadavg()[0]
    done = run_batch(jobs, EditSettings(), out, engine, tell=tell)
    assert not done.failed, done.failed
    whole = 60 * len(jobs) / (ends[-1] - begun)
    steady = 60 * (len(ends) - workers) / (ends[-1] - ends[workers - 1])
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    seconds = sum(line["seconds"] for line in lines) / len(lines)
    used = processor_seconds() - used
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    digest = hashlib.sha256()
    sizes = 0
    for path in sorted(path for kind in ("A", "B", "label") for path in (out / kind).iterdir()):
        digest.update(path.read_bytes())
        sizes += path.stat().st_size
    print(
        f"{workers} workers: {whole:.1f} edits a minute, steady {steady:.1f}; {seconds:.2f} s an edit, "
        f"{used / len(jobs):.2f} s of a processor, {sizes / len(jobs) / 1e3:.0f} kB a pair, {memory:.0f} MB a worker, "
        f"load before {load:.1f}",
        flush=True,
    )
    return digest.hexdigest()


def parts(side: int) -> None:
    """Print the seconds of a processor for what depends on picture and sentence alone, and for a whole edit."""
    scene, prompt = CASES[0]
    image = read_raster(scene_path(scene)).pixels[:, :side, :side]
    torch.set_num_threads(1)
    for seed in range(3):
        settings, begun = EditSettings(seed=seed), time.process_time()
        prepare(image, prompt, None, settings, [], None, None, None)
        prepared = time.process_time()
        edit_image(image, prompt, settings=settings)
        print(f"prepared in {prepared - begun:.3f} s, edited in {time.process_time() - prepared:.2f} s of a processor")


def processor_seconds() -> float:
    """Of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
