"""What `strength` changes: the share of the image that visibly changes, over scenes. Prints a Markdown table.

python benchmarks/strength.py [--scenes DIR]      (the bundled scenes where no folder is given)
"""

from __future__ import annotations

import argparse
from pathlib import Path

from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster

STRENGTHS = (0.25, 0.5, 1.0, 2.0)
TEXTS = {
    "A fire in the forest": ("forest", "meadow"),
    "The river is flooding": ("river", "coast"),
    "snow": ("forest", "river"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, help="edit every picture of this folder instead")
    chosen = parser.parse_args()
    print("| text, scene | " + " | ".join(f"strength {strength:g}" for strength in STRENGTHS) + " |")
    print("|---|" + "---|" * len(STRENGTHS))
    for text, bundled in TEXTS.items():
        paths = sorted(chosen.scenes.glob("*.*")) if chosen.scenes else [scene_path(name) for name in bundled]
        for path in paths:
            image = read_raster(path).pixels
            shares = [edit_image(image, text, settings=EditSettings(strength=s)).changed_share for s in STRENGTHS]
            print(
                f"| {text}, {path.stem} | " + " | ".join(f"{100 * share:.0f} %" for share in shares) + " |", flush=True
            )


if __name__ == "__main__":
    main()
