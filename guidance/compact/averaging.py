"""A guide between two: ``python -m comfyui_sinddm_rs.guidance.compact.averaging START TUNED OUT [--share 0.5]``.

Training on with new pictures makes a guide forget some of what it knew; weights between the two know nearly all of both
(Wortsman et al., doi:10.1109/CVPR52688.2022.00780).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from .guide import load_compact_guide, save_compact


def write_average(start: Path, tuned: Path, out: Path, share: float = 0.5) -> None:
    """Write weights with ``share`` 0…1 of ``tuned`` and the rest of ``start``; both of one training, its labels kept.

    Raises InputError for files that are no compact guides, and for a share out of range.
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"The share is {share}; give a number from 0 to 1.")
    before, after = load_compact_guide(path=start), load_compact_guide(path=tuned)
    for own, other in ((after.image, before.image), (after.text, before.text)):
        rest = other.state_dict()
        own.load_state_dict({name: rest[name].lerp(values, share) for name, values in own.state_dict().items()})
    save_compact(out, after.image, after.text, after.header | {"share": str(share)})


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m comfyui_sinddm_rs.guidance.compact.averaging", description=__doc__)
    for name in ("start", "tuned", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the tuned weights")
    chosen = parser.parse_args(arguments)
    write_average(chosen.start, chosen.tuned, chosen.out, chosen.share)
    print(json.dumps({"output": str(chosen.out)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
