"""Nodes with what a graph of a stranger may give them: widgets of the right kind and any value, odd tensors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fuzz_mutations as m
import numpy as np
import torch
from comfyui_sinddm_rs import NODE_CLASS_MAPPINGS
from comfyui_sinddm_rs.geo.window import open_window
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.guidance.prompting.prompts import parse_prompts
from comfyui_sinddm_rs.nodes.types import InstantModel
from fuzz_host import stand_in
from fuzz_seeds import SIDE, Seeds, scene_cut, trained_model

Draw = np.random.Generator

NAMES = sorted(set(NODE_CLASS_MAPPINGS) - {"SinDDMTrain", "SinDDMStyle"})
"""Without those whose plain work takes longer than the limit."""
SLOW = {"SinDDMEdit", "SinDDMSample"}
"""They work for seconds where all is well, so that they are asked less often."""
FEW = {"candidates", "batch_size"}


@cache
def _model() -> Any:
    return trained_model()


def _image(draw: Draw) -> Any:
    image = torch.from_numpy(scene_cut()[:40]).float()[None] / 255
    kind = draw.integers(12)
    shapes = ((1, 0, 4, 3), (2, 40, 40, 3), (1, 33, 32, 4), (1, 40, 40, 1), (40, 40, 3), (1, 3, 3, 3), (1, 32, 3000, 3))
    if kind == 0:
        return torch.rand(shapes[draw.integers(len(shapes))], generator=torch.Generator().manual_seed(0))
    if kind == 1:
        return image * float(m.any_float(draw))
    if kind == 2:
        return (image * 255).to(torch.uint8)
    if kind == 3:
        return image.half()
    if kind == 4:
        return None
    if kind == 5:
        return image.where(image > 0.4, torch.tensor(float("nan")))
    return image


def _mask(draw: Draw) -> Any:
    mask = torch.zeros(1, 40, SIDE)
    mask[:, 5:20, 5:30] = 1
    kind = draw.integers(8)
    if kind == 0:
        return torch.ones(((0, 4, 4), (40, SIDE), (3, 40, SIDE), (1, 1, 40, SIDE), (1, 1, 1))[draw.integers(5)])
    if kind == 1:
        return mask * float(m.any_float(draw))
    if kind == 2:
        return mask > 0
    return mask


def _wired(draw: Draw, kind: str, folder: Path, seeds: Mapping[str, Seeds]) -> Any:
    if kind == "IMAGE":
        return _image(draw)
    if kind == "MASK":
        return _mask(draw)
    if kind == "SINDDM_MODEL":
        picture = torch.from_numpy(scene_cut()[:40]).permute(2, 0, 1).float() / 255
        return _model() if draw.random() < 0.5 else InstantModel(picture)
    if kind == "RS_GUIDE":
        return load_guide("compact")
    if kind == "RS_PROMPTS":
        return parse_prompts("smoke:0.5\nflames", "a fire")
    scene = folder / "input" / "scene.tif"
    scene.write_bytes(seeds["geotiff"][0][1])
    return open_window(scene, None)


def _widget(draw: Draw, name: str, kind: Any, options: Mapping[str, Any]) -> Any:
    fine = draw.random() < 0.6
    if isinstance(kind, list):
        return kind[draw.integers(len(kind))] if fine and kind else m.any_text(draw)
    if kind == "STRING":
        return options.get("default", "a") if fine else m.any_text(draw)
    if kind == "BOOLEAN":
        return False
    if name in FEW or (fine and kind == "INT"):
        return int(options["min"] + draw.integers(-1, 2))
    if kind == "INT":
        return m.any_number(draw)
    return float(draw.uniform(options["min"], options["max"])) if fine else m.any_float(draw)


def node(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    """One node, as ComfyUI calls it: what it says of its inputs, its own validation, its function."""
    stand_in(folder)
    name = NAMES[draw.integers(len(NAMES))]
    if name in SLOW and draw.random() < 0.8:
        name = "SinDDMPrompts"
    own = NODE_CLASS_MAPPINGS[name]
    inputs = own.INPUT_TYPES()
    given: dict[str, Any] = {}
    for group in ("required", "optional"):
        for key, entry in inputs.get(group, {}).items():
            kind, options = entry[0], (entry[1] if len(entry) > 1 else {})
            if group == "optional" and draw.random() < 0.4:
                continue
            wired = isinstance(kind, str) and kind not in ("STRING", "INT", "FLOAT", "BOOLEAN")
            given[key] = _wired(draw, kind, folder, seeds) if wired else _widget(draw, key, kind, options)
    if given.get("source") == "llm":
        given["source"] = "none"  # no server is asked
    _validate(own, given)
    results = getattr(own(), own.FUNCTION)(**given)
    assert isinstance(results, dict) or len(results) == len(own.RETURN_TYPES)
    for kind, result in zip(own.RETURN_TYPES, results, strict=False):
        if kind in ("IMAGE", "MASK"):
            assert result.ndim == (4 if kind == "IMAGE" else 3) and bool(torch.isfinite(result).all())
            assert float(result.min()) >= 0.0 and float(result.max()) <= 1.0


def _validate(own: Any, given: Mapping[str, Any]) -> None:
    if hasattr(own, "VALIDATE_INPUTS"):
        asked = own.VALIDATE_INPUTS.__code__.co_varnames[1 : own.VALIDATE_INPUTS.__code__.co_argcount]
        assert isinstance(own.VALIDATE_INPUTS(**{key: given[key] for key in asked}), bool | str)


def save_name(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    """The two nodes that write a file of a name in the graph."""
    stand_in(folder)
    name = m.NAMES[draw.integers(len(m.NAMES))] if draw.random() < 0.6 else m.any_text(draw)
    if draw.random() < 0.4:
        name += (".safetensors", ".tif")[draw.integers(2)]
    if draw.random() < 0.5:
        own: Any = NODE_CLASS_MAPPINGS["SinDDMSaveModel"]()
        own.save(model=_model(), name=name, folder=("models", "output", name)[draw.integers(3)])
    else:
        document = _wired(draw, "RS_RASTER", folder, seeds)
        picture = document.pixels.permute(1, 2, 0)[None]
        NODE_CLASS_MAPPINGS["SinDDMSaveRaster"]().save(
            raster=document, image=1 - picture, mask=torch.ones(1, *picture.shape[1:3]), name=name
        )
    written = [path for path in folder.rglob("*") if path.is_file() and path.name != "scene.tif"]
    assert written, "nothing was written"
    assert all(path.parent.name == "sinddm" for path in written), "written elsewhere"
