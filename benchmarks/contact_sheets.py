"""Edit many scenes by many prompts and seeds, and put sources and edits on one sheet a prompt, to look at.

    python benchmarks/contact_sheets.py JOBS.tsv SCENES OUT [--seeds 3] [--only WORDS]

JOBS.tsv has the columns prompt, scene, roi (empty, or x,y,w,h); SCENES is the folder of the scenes.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from pathlib import Path

import torch
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.layout import as_rgb, channels_last
from comfyui_sinddm_rs.rasters.regions import read_roi
from PIL import Image, ImageDraw

CELL = 400
GAP = 4


def to_picture(pixels: torch.Tensor) -> Image.Image:
    return Image.fromarray((channels_last(as_rgb(pixels)) * 255).round().byte().numpy())


def cell(picture: Image.Image, roi: str = "") -> Image.Image:
    if roi:
        picture = picture.copy()
        x, y, w, h = (int(v) for v in roi.split(","))
        ImageDraw.Draw(picture).rectangle((x, y, x + w - 1, y + h - 1), outline="yellow")
    scale = CELL / max(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def row(scene: Path, prompt: str, roi: str, seeds: int, strength: float) -> tuple[list[Image.Image], list[dict]]:
    source = read_raster(scene)
    region = read_roi(roi, source.size) if roi else None
    cells, results = [cell(to_picture(source.pixels), roi)], []
    for seed in range(seeds):
        settings = EditSettings(seed=seed, strength=strength)
        result = edit_image(source.pixels, prompt, roi=region, settings=settings)
        cells.append(cell(to_picture(result.image)))
        results.append({"scene": scene.name, "prompt": prompt} | result.summary())
        print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    return cells, results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--strength", type=float, default=EditSettings.strength)
    parser.add_argument("--only", default="", help="take jobs whose prompt or scene contains this")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with chosen.jobs.open(newline="") as file:
        jobs = [job for job in csv.DictReader(file, delimiter="\t") if chosen.only in job["prompt"] + job["scene"]]
    everything = []
    for prompt in dict.fromkeys(job["prompt"] for job in jobs):
        rows = []
        for job in (job for job in jobs if job["prompt"] == prompt):
            cells, results = row(chosen.scenes / job["scene"], prompt, job["roi"] or "", chosen.seeds, chosen.strength)
            rows.append(cells)
            everything += results
        heights = [max(each.height for each in cells) + GAP for cells in rows]
        sheet = Image.new("RGB", ((CELL + GAP) * (chosen.seeds + 1), sum(heights)), "white")
        for i, cells in enumerate(rows):
            for j, each in enumerate(cells):
                sheet.paste(each, (j * (CELL + GAP), sum(heights[:i])))
        sheet.save(chosen.out / (re.sub(r"\W+", "_", prompt.lower()) + ".png"))
    (chosen.out / "results.json").write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
