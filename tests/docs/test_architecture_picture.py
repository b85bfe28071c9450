"""The picture of the architecture shows the code as it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from doc_files import ROOT

SCRIPT = ROOT / "scripts" / "make_architecture_picture.py"


def _check() -> int:
    return subprocess.run([sys.executable, str(SCRIPT), "--check"], check=False, timeout=60).returncode


def test_the_picture_is_up_to_date() -> None:
    assert _check() == 0, "the code has moved on: run python scripts/make_architecture_picture.py"


def test_every_folder_has_a_box_and_arrows_go_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import make_architecture_picture as picture  # noqa: PLC0415

    code = picture.read_code()
    packages = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/__init__.py")}
    assert {each for each in packages if each.partition("/")[0] not in ("tests", "build")} == set(picture.BOXES)
    order = list(picture.FRAMES)
    arrows = picture.folder_imports(code)
    assert all(order.index(other) > order.index(name) for name, others in arrows.items() for other in others)
    assert json.loads(picture.DATA.read_text(encoding="utf-8"))["rasters"]["imports"] == []
    changed = {**code, "geo": {**code["geo"], "files": 99}}
    assert json.dumps(changed, indent=1) + "\n" != picture.DATA.read_text(encoding="utf-8")
