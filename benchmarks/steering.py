"""What each way of steering does to edits with the compact guide: gain of score, sharpness, likeness, evaluations.

    python benchmarks/steering.py SCENES [--seeds 2] [--guide-alone] [--only …]

SCENES: a folder with the pictures named in JOBS. The gain is that of the whole picture's score, in points of 100 ×
cosine; it is judged by the guide that steers, so it says that an option works, not that the picture is better: that
is what the sheets of ``contact_sheets.py`` are for. Sharpness is the gradient energy of the edit over the source's.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch
from comfyui_sinddm_rs.cli.measures import gradient_energy
from comfyui_sinddm_rs.guidance.candidate import edit_once
from comfyui_sinddm_rs.guidance.job import Job, prepare
from comfyui_sinddm_rs.guidance.presets import PRESETS
from comfyui_sinddm_rs.guidance.scores import clip_score
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.guidance.views import Views
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.sinddm.patch_swd import patch_swd

JOBS = (
    ("forest_dense_usgs.png", "a fire in the forest"),
    ("river_tidal_s2.jpg", "the river is flooding"),
    ("house_blue_roof.jpg", "the house is damaged"),
    ("dryland_oam.jpg", "covered with yellow flowers"),
    ("beach_usgs.png", "the sea is purple"),
)
BASE = PRESETS["default"]
SIDE = 160
ALL = {"perspective": 0.2, "flips": True, "jitter": 0.1}
OPTIONS = {
    "4 views": BASE,
    "8 views": replace(BASE, views=Views(8)),
    "16 views": replace(BASE, views=Views(16)),
    "4 views, flips": replace(BASE, views=Views(4, flips=True)),
    "4 views, all": replace(BASE, views=Views(4, **ALL)),
    "16 views, all": replace(BASE, views=Views(16, **ALL)),
    "directional": replace(BASE, directional=True),
    "recurrence 2": replace(BASE, recurrence=2),
    "braking 1": replace(BASE, braking=1.0),
    "remembered 0.2": replace(BASE, remembered=0.2),
    "share 0.03": replace(BASE, share=0.03),
    "share 0.12": replace(BASE, share=0.12),
    "share 0": replace(BASE, share=0.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--guide-alone", action="store_true", help="nothing is drawn or painted")
    parser.add_argument("--only", nargs="+", choices=OPTIONS, default=tuple(OPTIONS), help="some of the options")
    chosen = parser.parse_args()
    PRESETS.update(OPTIONS)
    with torch.no_grad():
        for name in chosen.only:
            print(json.dumps({"option": name} | _measured(name, chosen)), flush=True)


def _measured(name: str, chosen: argparse.Namespace) -> dict[str, float]:
    rows = []
    begun = time.perf_counter()
    for scene, text in JOBS:
        image = read_raster(chosen.scenes / scene).pixels[:3, :SIDE, :SIDE].contiguous()
        job = prepare(image, text, None, EditSettings(preset=name), (), None, None, None)
        if chosen.guide_alone:
            job = replace(job, events=(), paints=False)
        rows += [_row(job, seed) for seed in range(chosen.seeds)]
    seconds = (time.perf_counter() - begun) / len(rows)
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    names = ("gain", "sharpness", "patch_swd", "changed")
    return {name: round(mean, 4) for name, mean in zip(names, means, strict=True)} | {"seconds": round(seconds, 2)}


def _row(job: Job, seed: int) -> tuple[float, float, float, float]:
    edited = edit_once(job, seed, None)
    gain = clip_score(job.guide, edited.image, job.target) - clip_score(job.guide, job.image, job.target)
    sharpness = gradient_energy(edited.image) / gradient_energy(job.image)
    return gain, sharpness, _unlike(edited.image, job.image), float((edited.changed > 0.5).float().mean())


def _unlike(edited: torch.Tensor, source: torch.Tensor) -> float:
    return patch_swd(edited, source, torch.Generator().manual_seed(0))


if __name__ == "__main__":
    main()
