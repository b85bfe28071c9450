"""A short run of benchmarks/fuzz.py; the long one is its command."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.py"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is counted by Linux's /proc")


def test_a_thousand_hostile_inputs() -> None:
    for package in ("rasterio", "pyogrio"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    done = subprocess.run(
        [sys.executable, FUZZ, "--inputs", "1000"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["inputs"] >= 990 and found["faults"] == 0
