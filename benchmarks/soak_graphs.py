"""The prompts of a soak: one round of them holds every node, bad values that reach execution, and cancelled runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "comfyui"))
from bad_graphs import RASTER_FILE, node

Graph = dict[str, Any]
Outcome = Literal["success", "error", "interrupted"]
SCENES = ("forest", "river", "meadow", "coast")
TEXTS = (
    "A fire in the forest",
    "The river is flooding",
    "Snow",
    "covered with purple flowers",
    "A burned area",
    "The house is damaged",
    "A severe drought",
    "The trees have been cut down",
)
KEPT, SAVED = "soak_kept", "soak_saved"
"""Names of the model that the prompts load, and of what they write."""
IMAGE, MASK, MODEL, RASTER = ["image", 0], ["mask", 0], ["model", 0], ["raster", 2]


@dataclass(frozen=True)
class Prompt:
    """A graph in the API format, and how it has to end."""

    name: str
    graph: Graph
    outcome: Outcome = "success"


def _base(number: int, side: int) -> Graph:
    crop = {"image": ["scene", 0], "width": side, "height": side, "x": 8 * (number % 8), "y": 40}
    return {
        "scene": node("SinDDMScene", scene=SCENES[number % len(SCENES)]),
        "image": node("ImageCrop", **crop),
        "inner": node("SolidMask", value=1.0, width=side // 2, height=side // 2),
        "outer": node("SolidMask", value=0.0, width=side, height=side),
        "mask": node(
            "MaskComposite",
            destination=["outer", 0],
            source=["inner", 0],
            x=side // 4,
            y=side // 4,
            operation="add",
        ),
    }


def _shown(graph: Graph, kind: str, output: int = 0, **inputs: Any) -> Graph:
    """The graph with a node of a kind, and the picture that it gives shown."""
    return {**graph, "node": node(kind, **inputs), "show": node("PreviewImage", images=["node", output])}


def _edit(number: int, side: int, further: Graph | None = None, **inputs: Any) -> Graph:
    given = {"text": TEXTS[number % len(TEXTS)], "seed": number, "strength": 1.0, "candidates": 1, **inputs}
    return _shown({**_base(number, side), **(further or {})}, "SinDDMEdit", **{"image": IMAGE, **given})


def _trained(**inputs: Any) -> Graph:
    return node("SinDDMTrain", **{"image": IMAGE, "recipe": "fast", "iterations": 2, "time_budget": 0.0, **inputs})


def _edit_whole(number: int) -> Graph:
    return _edit(number, 64)


def _edit_otherwise(number: int) -> Graph:
    """In turn with a region and a guide, with prompts, with a trained model, of a raster, and of two candidates."""
    ways = (_edit_region, _edit_prompts, _edit_trained, _edit_raster, _edit_twice)
    return ways[number // len(ROUND) % len(ways)](number)


def _edit_region(number: int) -> Graph:
    guide = node("SinDDMGuide", guide="compact", download=False)
    return _edit(number, 96, {"guide": guide}, guide=["guide", 0], mask=MASK)


def _edit_prompts(number: int) -> Graph:
    return _edit(number, 64, {"said": _said(number)}, prompts=["said", 0])


def _edit_trained(number: int) -> Graph:
    return _edit(number, 64, {"model": _loaded()}, model=MODEL)


def _edit_raster(number: int) -> Graph:
    graph = _edit(number, 64, {"raster": _window(number)}, image=["raster", 0], mask=["raster", 1], raster=RASTER)
    saved = {"raster": RASTER, "image": ["node", 0], "mask": ["node", 1], "name": SAVED}
    return {**graph, "saved": node("SinDDMSaveRaster", **saved)}


def _edit_twice(number: int) -> Graph:
    return _edit(number, 64, candidates=2)


def _said(number: int, source: str = "offline") -> Graph:
    text = f"{TEXTS[number % len(TEXTS)]}, seen in year {number}"
    return node("SinDDMPrompts", text=text, source=source, n=6, llm_model="none")


def _loaded() -> Graph:
    return node("SinDDMLoadModel", name=f"{KEPT}.safetensors")


def _window(number: int) -> Graph:
    return node("SinDDMLoadRaster", file=RASTER_FILE, region=f"4,{number % 6},{32 + number // 6 % 10},33", rgb="")


def _sample(number: int) -> Graph:
    instant = {"model": node("SinDDMInstantModel", image=IMAGE)}
    size = {"width": 48, "height": 32, "batch_size": 1}
    return _shown({**_base(number, 64), **instant}, "SinDDMSample", model=MODEL, seed=number, **size)


def _sample_trained(number: int) -> Graph:
    size = {"width": 48, "height": 48, "batch_size": 1}
    return _shown({**_base(number, 64), "model": _loaded()}, "SinDDMSample", model=MODEL, seed=number, **size)


def _score(number: int, **inputs: Any) -> Graph:
    graph = {**_base(number, 96), "inverted": node("ImageInvert", image=IMAGE), "said": _said(number)}
    scored = {"image": ["inverted", 0], "text": TEXTS[number % len(TEXTS)], "source": IMAGE, "mask": MASK, **inputs}
    return {**graph, "node": node("SinDDMScore", **scored), "show": node("PreviewAny", source=["node", 1])}


def _score_prompts(number: int) -> Graph:
    return _score(number, prompts=["said", 0])


def _style(number: int) -> Graph:
    graph, text = {**_base(number, 64), "model": _loaded()}, TEXTS[number % len(TEXTS)]
    return _shown(graph, "SinDDMStyle", model=MODEL, image=IMAGE, text=text, strength=0.3, seed=number)


def _style_or_sample(number: int) -> Graph:
    """A style takes as long as ten other prompts, so that there is one in each fifth round."""
    return _sample_trained(number) if number // len(ROUND) % 5 else _style(number)


def _harmonise(number: int) -> Graph:
    graph = {**_base(number, 64), "model": _loaded()}
    return _shown(graph, "SinDDMHarmonize", model=MODEL, image=IMAGE, mask=MASK, steps=3, seed=number)


def _raster(number: int) -> Graph:
    graph = {"raster": _window(number), "inverted": node("ImageInvert", image=["raster", 0])}
    saved = {"raster": RASTER, "image": ["inverted", 0], "mask": ["raster", 1], "name": SAVED}
    return _shown(graph, "SinDDMSaveRaster", **saved)


def _train(number: int) -> Graph:
    graph = {**_base(number, 64), "model": _trained(seed=number)}
    kept = {"keep": node("SinDDMSaveModel", model=MODEL, name=SAVED)}
    return {**graph, **kept, "show": node("PreviewImage", images=["model", 1])}


def _blend(number: int) -> Graph:
    graph = {**_base(number, 96), "inverted": node("ImageInvert", image=IMAGE)}
    mode = ("feather", "hard", "poisson")[number // len(ROUND) % 3]
    blend = {"original": IMAGE, "edited": ["inverted", 0], "mask": MASK, "mode": mode, "feather": 4}
    return _shown(graph, "SinDDMBlend", **blend)


def _unreachable_llm(number: int) -> Graph:
    """The server's OPENAI_BASE_URL leads nowhere, so that the lexicon answers."""
    return {"node": _said(number, "llm"), "show": node("PreviewAny", source=["node", 1])}


def _no_text(number: int) -> Graph:
    return _edit(number, 64, text=" " * (1 + number % 5))


def _too_small(number: int) -> Graph:
    instant = {"model": node("SinDDMInstantModel", image=IMAGE)}
    size = {"width": 1 + number % 31, "height": 64, "batch_size": 1}
    return _shown({**_base(number, 64), **instant}, "SinDDMSample", model=MODEL, seed=number, **size)


def _too_small_picture(number: int) -> Graph:
    return _edit(number, 16)


def _no_raster_place(number: int) -> Graph:
    graph = _raster(number)
    graph["raster"]["inputs"]["region"] = f"{900 + number},0,32,32"
    return graph


def _long_edit(number: int) -> Graph:
    return _edit(number, 96, candidates=16)


def _long_training(number: int) -> Graph:
    graph = {**_base(number, 64), "model": _trained(iterations=100_000, seed=0)}
    return _shown(graph, "SinDDMSample", model=MODEL, width=64, height=64, batch_size=1, seed=0)


ROUND: tuple[tuple[str, Callable[[int], Graph], Outcome], ...] = (
    ("edit", _edit_whole, "success"),
    ("no text", _no_text, "error"),
    ("score", _score, "success"),
    ("sample", _sample, "success"),
    ("harmonise", _harmonise, "success"),
    ("sample too small", _too_small, "error"),
    ("edit cancelled", _long_edit, "interrupted"),
    ("raster", _raster, "success"),
    ("prompts and score", _score_prompts, "success"),
    ("train and save", _train, "success"),
    ("training cancelled", _long_training, "interrupted"),
    ("blend", _blend, "success"),
    ("no such region", _no_raster_place, "error"),
    ("edit otherwise", _edit_otherwise, "success"),
    ("unreachable LLM", _unreachable_llm, "success"),
    ("picture too small", _too_small_picture, "error"),
    ("style or sample", _style_or_sample, "success"),
    ("blend again", _blend, "success"),
    ("sample trained", _sample_trained, "success"),
    ("score again", _score, "success"),
)
"""Names and makers of one round's prompts, and how each has to end."""
SAME = (_edit_whole, _edit_region, _edit_trained, _edit_raster, _sample, _sample_trained, _style, _train, _blend)
"""Makers of the prompts whose pictures have to be the same whenever they are made."""


def kept_model() -> Graph:
    """Trains and saves the model that the prompts load; of a picture large enough for a style."""
    return {**_base(0, 128), "model": _trained(seed=0), "keep": node("SinDDMSaveModel", model=MODEL, name=KEPT)}


def soak_prompt(number: int) -> Prompt:
    """The prompt of a number, each other than all before it, so that ComfyUI's cache gives no node's outputs."""
    name, make, outcome = ROUND[number % len(ROUND)]
    return Prompt(name, make(number), outcome)


def repeated_prompts() -> list[Prompt]:
    return [Prompt(make.__name__.strip("_"), make(1_000_000 + i)) for i, make in enumerate(SAME)]
