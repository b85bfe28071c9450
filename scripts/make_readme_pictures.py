"""Make the pictures of the README from what `sinddm-rs demo` writes.

sinddm-rs demo && python scripts/make_readme_pictures.py sinddm-rs-demo
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
GAP = 4


def main() -> None:
    folder = Path(sys.argv[1])
    for name in ("forest", "river", "house"):
        source = Image.open(ROOT / "scenes" / f"{name}.png").convert("RGB")
        edited = Image.open(folder / f"{name}_edit.png").convert("RGB")
        pair = Image.new("RGB", (2 * source.width + GAP, source.height), "white")
        pair.paste(source, (0, 0))
        pair.paste(edited, (source.width + GAP, 0))
        pair.save(ROOT / "docs" / "images" / f"{name}.jpg", quality=92)


if __name__ == "__main__":
    main()
