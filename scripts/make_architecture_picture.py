"""Draw docs/images/architecture.svg: the folders of the package as boxes, and who imports whom, read from the code.

    python scripts/make_architecture_picture.py            # writes the picture and the imports that it shows
    python scripts/make_architecture_picture.py --check    # exit code 1 where the code has moved on since

Drawing needs matplotlib (extra ``[docs]``); the check compares architecture.json, which lies beside the picture.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
DATA = PICTURE.with_suffix(".json")

# Each folder's frame in the drawing: left, right, bottom, colour. Arrows go down where two frames lie above each other.
FRAMES = {
    "nodes": (0.0, 3.0, 6.2, "#f4d9c6"),
    "cli": (4.0, 9.6, 6.2, "#f4d9c6"),
    "batch": (3.6, 6.2, 5.1, "#ecdff0"),
    "evaluation": (6.8, 9.6, 5.1, "#ecdff0"),
    "geo": (0.0, 5.2, 4.0, "#d5e8d4"),
    "guidance": (0.0, 9.6, 2.3, "#fdf0c4"),
    "sinddm": (0.0, 9.6, 0.6, "#d3e3f3"),
    "rasters": (0.0, 9.6, -0.5, "#e2e2e2"),
}
# What the files of each folder, and of each folder in it, do.
BOXES = {
    "nodes": "the nodes inside ComfyUI",
    "cli": "the command sinddm-rs and what it prints",
    "batch": "many edits as pairs",
    "evaluation": "scores and their report",
    "geo": "GeoTIFFs: windows, regions, bands, tiles",
    "guidance": "one edit from text to picture: job, candidate, steering, scores",
    "guidance/events": "events as drawn\nfrom above",
    "guidance/prompting": "other wordings\nof a text",
    "guidance/compact": "the shipped\nsmall guide",
    "guidance/clip": "RemoteCLIP and\nother CLIPs",
    "sinddm": "the models of one image and their sampler, coarse to fine",
    "sinddm/patches": "the image's own\npatches, untrained",
    "sinddm/network": "the paper's network\nand its files",
    "sinddm/training": "training\nthat network",
    "rasters": "files to tensors and back, masks, memory",
}


def box_of(parts: tuple[str, ...]) -> str | None:
    """The box of a module's path inside the package: its sub-folder's, else its folder's; none for the root's own."""
    return next((name for name in ("/".join(parts[:2]), parts[0] if parts else "") if name in BOXES), None)


def imported(path: Path) -> Iterator[str]:
    """The boxes that a file of the package imports from."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (
                *package[: len(package) - node.level + 1],
                *(part for part in (node.module or "").split(".") if part),
            )
            for alias in node.names:
                box = box_of((*base, alias.name))
                if box:
                    yield box


def read_code() -> dict[str, Any]:
    """What the picture shows: the number of files of each box, and the boxes that it imports from."""
    files: dict[str, int] = defaultdict(int)
    edges: dict[str, set[str]] = defaultdict(set)
    folders = sorted({name.partition("/")[0] for name in BOXES})
    for path in (each for folder in folders for each in sorted((ROOT / folder).rglob("*.py"))):
        box = box_of(path.relative_to(ROOT).parts)
        assert box is not None
        files[box] += path.name != "__init__.py"
        edges[box] |= set(imported(path)) - {box}
    return {name: {"files": files[name], "imports": sorted(edges[name])} for name in BOXES}


def folder_imports(code: dict[str, Any]) -> dict[str, set[str]]:
    """Which folder imports which, without what it reaches through another one, so that few lines say it all."""
    whole: dict[str, set[str]] = {name: set() for name in FRAMES}
    for name, told in code.items():
        top = name.partition("/")[0]
        whole[top] |= {other.partition("/")[0] for other in told["imports"]} - {top}
    reached: dict[str, set[str]] = {}
    for name in reversed(FRAMES):  # what is imported stands below, so it is known by now
        reached[name] = whole[name].union(*(reached[other] for other in whole[name]))
    return {
        name: {each for each in near if not any(each in reached[other] for other in near)}
        for name, near in whole.items()
    }


def draw(code: dict[str, Any], picture: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 (the check does without)

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "architecture"
    from matplotlib import pyplot as plt  # noqa: PLC0415
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(10, 8))
    axes.set(xlim=(-0.1, 9.7), ylim=(-1.0, 7.0))
    axes.axis("off")

    def box(left: float, bottom: float, width: float, height: float, colour: str) -> None:
        shape = FancyBboxPatch(
            (left + 0.05, bottom + 0.05), width - 0.1, height - 0.1, "round,pad=0.05", fc=colour, ec="#555555", zorder=2
        )
        axes.add_patch(shape)

    for name, (left, right, bottom, colour) in FRAMES.items():
        inside = [each for each in BOXES if each.startswith(f"{name}/")]
        height = 1.3 if inside else 0.7
        middle, top = (left + right) / 2, bottom + height
        box(left, bottom, right - left, height, colour)
        axes.text(middle, top - 0.2, f"{name}/", ha="center", va="center", fontsize=14, weight="bold")
        does = f"{BOXES[name]} · {code[name]['files']}"
        axes.text(middle, top - 0.48, does, ha="center", va="center", fontsize=11)
        step = (right - left) / max(1, len(inside))
        for at, each in enumerate(inside):
            box(left + at * step + 0.08, bottom + 0.06, step - 0.16, 0.62, "white")
            title, x = each.partition("/")[2], left + (at + 0.5) * step
            axes.text(
                x,
                bottom + 0.55,
                f"{title}/ · {code[each]['files']}",
                ha="center",
                va="center",
                fontsize=11.5,
                weight="bold",
            )
            axes.text(x, bottom + 0.27, BOXES[each], ha="center", va="center", fontsize=10, linespacing=0.95)
    for name, others in folder_imports(code).items():
        for other in sorted(others):
            (left, right, bottom, _), (other_left, other_right, other_bottom, _) = FRAMES[name], FRAMES[other]
            x = (max(left, other_left) + min(right, other_right)) / 2
            end = other_bottom + (1.3 if any(each.startswith(f"{other}/") for each in BOXES) else 0.7)
            arrow = {
                "arrowstyle": "-|>",
                "mutation_scale": 20,
                "color": "#444444",
                "lw": 1.6,
                "shrinkA": 0,
                "shrinkB": 0,
            }
            axes.annotate("", (x, end), (x, bottom), arrowprops=arrow)
    note = "An arrow: imports, itself or through what lies below. Every folder uses rasters/. Numbers count files."
    axes.text(4.8, -0.85, note, ha="center", fontsize=10, color="#444444")
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None, bbox_inches="tight")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; say whether picture and code agree")
    parser.add_argument("-o", "--output", type=Path, default=PICTURE, help="the picture to write, .svg or .png")
    chosen = parser.parse_args()
    code = read_code()
    text = json.dumps(code, indent=1) + "\n"
    if chosen.check:
        return int(not PICTURE.exists() or not DATA.exists() or DATA.read_text(encoding="utf-8") != text)
    draw(code, chosen.output)
    DATA.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
