"""The example graphs are what scripts/make_workflows.py writes for the nodes as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_graphs_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "scripts/make_workflows.py"), str(tmp_path)], check=True)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.json")}
    kept = {path.relative_to(ROOT / "workflows"): path.read_bytes() for path in (ROOT / "workflows").rglob("*.json")}
    assert made.keys() == kept.keys()
    assert [path for path in made if made[path] != kept[path]] == [], "run python scripts/make_workflows.py"
