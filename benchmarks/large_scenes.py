"""Time and memory of edits in GeoTIFFs of growing size. ``python benchmarks/large_scenes.py roi|full [--sides …]``.

roi: an edit of 256×256 px in each scene, several times in turn, each in a process of its own: medians, and their ratio
to the smallest scene's. full: an edit of the whole scene. Scenes are laid out of turned crops of the bundled forest
scene, in tiles of 512 px, deflate-compressed, and are kept in --folder.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from comfyui_sinddm_rs.geo.documents import edit_file
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster

BLOCK = 512
TEXT = "A fire in the forest"


def make_scene(path: Path, side: int) -> None:
    forest = read_raster(scene_path("forest")).stored
    rng = np.random.default_rng(0)
    profile = {"driver": "GTiff", "count": 3, "width": side, "height": side, "dtype": "uint8", "crs": "EPSG:32633"}
    layout = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "deflate"}
    place = rasterio.transform.from_origin(400000, 5000000, 0.5, 0.5)
    with rasterio.open(path, "w", **profile, **layout, transform=place) as file:
        for _, window in file.block_windows(1):
            turned = np.rot90(forest, int(rng.integers(4)))
            height, width = int(window.height), int(window.width)
            cover = np.pad(turned, ((0, BLOCK), (0, BLOCK), (0, 0)), mode="symmetric")[:height, :width]
            file.write(np.moveaxis(cover, -1, 0), window=window)


def edit(scene: Path, roi: str | None, results: Any) -> None:
    """In a process of its own, so that its peak of memory is its own."""
    load_guide("compact")
    output = scene.with_name("edited.tif")
    begun = time.perf_counter()
    answer = edit_file(scene, TEXT, output, roi=roi)
    seconds = time.perf_counter() - begun
    output.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results.put({"seconds": round(seconds, 2), "peak_mb": round(peak), "tiles": answer.get("tiles")})


def measured(scene: Path, roi: str | None) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=edit, args=(scene, roi, results))
    process.start()
    found: dict[str, Any] = results.get()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("roi", "full"))
    parser.add_argument("--sides", type=int, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    sides = chosen.sides or ([1024, 4096, 16384] if chosen.what == "roi" else [1024, 4096])
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        scenes = {side: folder / f"scene_{side}.tif" for side in sides}
        for side, path in scenes.items():
            if not path.exists():
                make_scene(path, side)
        runs: dict[int, list[dict[str, Any]]] = {side: [] for side in sides}
        for _ in range(chosen.runs if chosen.what == "roi" else 1):
            for side, path in scenes.items():
                roi = f"{side // 2 - 128},{side // 2 - 128},256,256" if chosen.what == "roi" else None
                runs[side].append(measured(path, roi))
                print(json.dumps({"side": side, **runs[side][-1]}), flush=True)
        medians = {side: statistics.median(run["seconds"] for run in found) for side, found in runs.items()}
        peaks = {side: max(run["peak_mb"] for run in found) for side, found in runs.items()}
        ratios = {side: round(medians[side] / medians[sides[0]], 3) for side in sides}
        print(json.dumps({"median_seconds": medians, "peak_mb": peaks, "ratio_to_first": ratios}))


if __name__ == "__main__":
    main()
