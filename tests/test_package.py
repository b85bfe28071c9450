"""The package as others meet it: its exports, a quick and silent import, and no trace of a call."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import comfyui_sinddm_rs as pack
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXPORTS = [
    "NODE_CLASS_MAPPINGS",
    "NODE_DISPLAY_NAME_MAPPINGS",
    "WEB_DIRECTORY",
    "EditResult",
    "EditSettings",
    "edit_image",
    "edit_sequence",
]


def python(source: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", source]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_exports() -> None:
    assert sorted(pack.__all__) == sorted(EXPORTS)
    assert set(EXPORTS) <= set(dir(pack))
    for name in EXPORTS:
        assert getattr(pack, name) is not None


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'edit_picture'"):
        pack.edit_picture  # noqa: B018


def test_import_loads_no_torch_and_no_comfyui() -> None:
    done = python("import sys, comfyui_sinddm_rs; print({'torch', 'comfy', 'folder_paths'} & set(sys.modules))")
    assert done.stdout == "set()\n"


def test_import_of_everything_says_nothing() -> None:
    done = python("import comfyui_sinddm_rs as p; p.NODE_CLASS_MAPPINGS; p.edit_image")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_edit_leaves_global_random_state_alone() -> None:
    done = python(
        """
import random, numpy, torch
import comfyui_sinddm_rs

def state():
    return torch.get_rng_state().tolist(), numpy.random.get_state()[1].tolist(), random.getstate()

image = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
before = state()
comfyui_sinddm_rs.edit_image(image, "A fire in the forest")
print(state() == before)
"""
    )
    assert done.stdout == "True\n", done.stderr


def test_comfyuis_installers_get_the_same_requirements() -> None:
    """Lower bounds alone, so that nothing that ComfyUI has is replaced."""
    listed = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    block = (ROOT / "pyproject.toml").read_text().partition("\ndependencies = [\n")[2].partition("]")[0]
    assert listed == re.findall(r'"(.*?)"', block)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+>=[\d.]+", line) for line in listed)
