from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file


def test_a_pickle_becomes_safetensors(run: Callable[..., Any], folder: Path) -> None:
    torch.save({"w": torch.arange(6.0)}, folder / "w.pt")
    answer = run("convert-weights", "w.pt", "-o", "w.safetensors").answer
    assert answer["output"] == "w.safetensors"
    assert answer["tensors"] == 1
    assert answer["bytes"] == (folder / "w.safetensors").stat().st_size
    assert torch.equal(load_file(folder / "w.safetensors")["w"], torch.arange(6.0))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("no.pt", "-o", "out.safetensors"), "cannot be read"),
        (("cut.pt", "-o", "out.safetensors"), "half-downloaded"),
        (("scene.png", "-o", "out.safetensors"), "no weight file"),
        (("cut.pt", "-o", "out.pt"), "let its name end in .safetensors"),
        (("cut.pt", "-o", "no/out.safetensors"), "does not exist"),
        (("cut.pt",), "-o"),
    ],
)
def test_bad_input_is_one_sentence(
    refused: Callable[..., None], folder: Path, arguments: tuple[str, ...], word: str
) -> None:
    torch.save({"w": torch.zeros(99)}, folder / "whole.pt")
    (folder / "cut.pt").write_bytes((folder / "whole.pt").read_bytes()[:500])
    refused(("convert-weights", *arguments), word)
