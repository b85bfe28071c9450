"""Write every example graph in both of ComfyUI's formats: workflows/NAME.json, and workflows/api/NAME.json to post.

    python scripts/make_workflows.py [FOLDER]

One description of a graph gives both, so that they are the same graph. Names and order of inputs come from the node
classes; of ComfyUI's own nodes, from ``CORE``.
"""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster

ROOT = Path(__file__).resolve().parents[1]
COLUMN, TOP, GAP = 440, 120, 130
HEIGHTS = {
    "SinDDMEdit": 520,
    "SinDDMTrain": 420,
    "SaveImage": 400,
    "PreviewImage": 320,
    "PreviewAny": 260,
    "SinDDMPrompts": 420,
}

CORE: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "SaveImage": ({"images": "IMAGE", "filename_prefix": "STRING"}, ()),
    "PreviewImage": ({"images": "IMAGE"}, ()),
    "PreviewAny": ({"source": "*"}, ()),
    "MaskToImage": ({"mask": "MASK"}, ("IMAGE",)),
    "CheckpointLoaderSimple": ({"ckpt_name": "COMBO"}, ("MODEL", "CLIP", "VAE")),
    "CLIPTextEncode": ({"clip": "CLIP", "text": "STRING"}, ("CONDITIONING",)),
    "ImageScale": (
        {"image": "IMAGE", "upscale_method": "COMBO", "width": "INT", "height": "INT", "crop": "COMBO"},
        ("IMAGE",),
    ),
    "VAEEncodeForInpaint": (
        {"pixels": "IMAGE", "vae": "VAE", "mask": "MASK", "grow_mask_by": "INT"},
        ("LATENT",),
    ),
    "KSampler": (
        {
            "model": "MODEL",
            "positive": "CONDITIONING",
            "negative": "CONDITIONING",
            "latent_image": "LATENT",
            "seed": "INT",
            "steps": "INT",
            "cfg": "FLOAT",
            "sampler_name": "COMBO",
            "scheduler": "COMBO",
            "denoise": "FLOAT",
        },
        ("LATENT",),
    ),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
}
"""ComfyUI's own nodes: their inputs in order, wires before widgets, and the types of their outputs."""
WIRES = {"IMAGE", "MASK", "MODEL", "CLIP", "VAE", "CONDITIONING", "LATENT", "*"}


@dataclass(frozen=True)
class Node:
    """A node in ``column``, below all rows before its own.

    inputs: values of widgets, or (name of another node, its output's index) for wires.
    """

    kind: str
    column: int
    inputs: dict[str, Any] = field(default_factory=dict)
    row: int = 0


@dataclass(frozen=True)
class Workflow:
    """note: what the graph does, shown beside it. groups: title → names of the nodes in it."""

    note: str
    nodes: dict[str, Node]
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


def scene(name: str) -> Node:
    return Node("SinDDMScene", 1, {"scene": name})


def edit(text: str, column: int = 2, **inputs: Any) -> Node:
    return Node("SinDDMEdit", column, {"image": ("scene", 0), "text": text, **inputs})


def save(source: str, name: str, column: int = 3, output: int = 0) -> Node:
    return Node("SaveImage", column, {"images": (source, output), "filename_prefix": f"SinDDM-RS/{name}"})


def simple(name: str, where: str, text: str, note: str, region: bool = False, **inputs: Any) -> Workflow:
    wires = {"mask": ("scene", 1)} if region else {}
    nodes = {"scene": scene(where), "edit": edit(text, **wires, **inputs), "save": save("edit", name)}
    return Workflow(note, nodes, {"Edit by text": ("scene", "edit", "save")})


def workflows() -> dict[str, Workflow]:
    own = "Put *Load Image* in the place of the example scene to edit a picture of your own."
    masked = (
        f"Only the region may change; outside it every pixel stays as it was. {own} Paint its mask in the mask editor."
    )
    return {
        "full_image_edit": simple(
            "full_image_edit", "forest", "A fire in the forest", f"The whole image may change. {own}", seed=3
        ),
        "bridge_collapse": simple(
            "bridge_collapse",
            "bridge",
            "The bridge is collapsed",
            f"The bridge is found by the water on both sides of it, and its deck breaks over the water. {own}",
        ),
        "river_flood": simple("river_flood", "river", "The river is flooding", f"Water rises over low ground. {own}"),
        "roi_edit": simple("roi_edit", "house", "The house is damaged", masked, region=True),
        "storage_cracks": simple("storage_cracks", "tanks", "Cracks on the storage", masked, region=True),
        "deck_holes": simple(
            "deck_holes",
            "ship",
            "Big holes on deck",
            f"The region is the deck for helicopters. {masked}",
            region=True,
        ),
        "variations": Workflow(
            "The best of four seeds by the guide; the mask of what changed beside it. Set *control after generate* to "
            "*increment* to go through more.",
            {
                "scene": scene("forest"),
                "edit": edit("A fire in the forest", candidates=4),
                "save": save("edit", "variations"),
                "mask": Node("MaskToImage", 3, {"mask": ("edit", 1)}),
                "changed": Node("PreviewImage", 4, {"images": ("mask", 0)}),
            },
            {"Edit by text": ("scene", "edit", "save"), "What changed": ("mask", "changed")},
        ),
        "train_and_edit": Workflow(
            "Trains the paper's network on this one image for 20 seconds (give it 120 for a good one), shows its loss, "
            "draws new scenes and edits with it. Changing only the prompt does not train again.",
            {
                "scene": scene("river"),
                "train": Node("SinDDMTrain", 2, {"image": ("scene", 0), "time_budget": 20.0}),
                "edit": edit("covered with purple flowers", 3, model=("train", 0)),
                "sample": Node(
                    "SinDDMSample", 3, {"model": ("train", 0), "width": 256, "height": 192, "batch_size": 2}, row=1
                ),
                "loss": Node("PreviewImage", 2, {"images": ("train", 1)}, row=1),
                "save": save("edit", "train_and_edit", 4),
                "scenes": Node("PreviewImage", 4, {"images": ("sample", 0)}, row=1),
            },
            {"Train": ("train", "loss"), "Edit": ("edit", "save"), "New scenes": ("sample", "scenes")},
        ),
        "prompt_ensemble_llm": Workflow(
            "Says the text in ten ways, so that no single word leads the guide astray. With OPENAI_API_KEY (and, for a "
            "server of your own, OPENAI_BASE_URL) in ComfyUI's environment a language model writes them; without, a "
            "lexicon does, and the console says so.",
            {
                "scene": scene("forest"),
                "prompts": Node("SinDDMPrompts", 1, {"text": "Large fire", "source": "llm"}),
                "guide": Node("SinDDMGuide", 1, {}),
                "edit": edit("Large fire", prompts=("prompts", 0), guide=("guide", 0)),
                "texts": Node("PreviewAny", 2, {"source": ("prompts", 1)}),
                "save": save("edit", "prompt_ensemble_llm"),
                "score": Node(
                    "SinDDMScore",
                    3,
                    {"image": ("edit", 0), "text": "Large fire", "guide": ("guide", 0), "source": ("scene", 0)},
                ),
                "scores": Node("PreviewAny", 4, {"source": ("score", 1)}),
            },
            {"Prompts and guide": ("prompts", "guide"), "Scores": ("score", "scores")},
        ),
        "compare_with_stable_diffusion": _comparison(),
    }


SCALED = {"upscale_method": "lanczos", "crop": "disabled"}


def _comparison() -> Workflow:
    height, width = read_raster(scene_path("house")).size
    text = "an aerial photograph of a damaged house, collapsed roof, rubble"
    ours = {
        "scene": scene("house"),
        "edit": edit("The house is damaged", 2, mask=("scene", 1)),
        "save": save("edit", "compare_sinddm"),
        "score": _score("edit"),
        "scores": Node("PreviewAny", 4, {"source": ("score", 1)}),
    }
    theirs = {
        "checkpoint": Node("CheckpointLoaderSimple", 1, {"ckpt_name": "512-inpainting-ema.safetensors"}),
        "wanted": Node("CLIPTextEncode", 2, {"clip": ("checkpoint", 1), "text": text}),
        "unwanted": Node("CLIPTextEncode", 2, {"clip": ("checkpoint", 1), "text": "blurry, drawing, text"}),
        "larger": Node("ImageScale", 1, {"image": ("scene", 0), **SCALED, "width": 512, "height": 512}),
        "latent": Node(
            "VAEEncodeForInpaint",
            2,
            {"pixels": ("larger", 0), "vae": ("checkpoint", 2), "mask": ("scene", 1), "grow_mask_by": 6},
        ),
        "sampler": Node(
            "KSampler",
            3,
            {
                "model": ("checkpoint", 0),
                "positive": ("wanted", 0),
                "negative": ("unwanted", 0),
                "latent_image": ("latent", 0),
                "seed": 0,
                "steps": 30,
                "cfg": 7.5,
                "sampler_name": "dpmpp_2m",
                "scheduler": "karras",
                "denoise": 1.0,
            },
        ),
        "decoded": Node("VAEDecode", 3, {"samples": ("sampler", 0), "vae": ("checkpoint", 2)}),
        "smaller": Node("ImageScale", 4, {"image": ("decoded", 0), **SCALED, "width": width, "height": height}),
        "same_outside": Node(
            "SinDDMBlend", 4, {"original": ("scene", 0), "edited": ("smaller", 0), "mask": ("scene", 1)}
        ),
        "save_other": save("same_outside", "compare_stable_diffusion", 5),
        "score_other": _score("same_outside", 5),
        "scores_other": Node("PreviewAny", 6, {"source": ("score_other", 1)}),
    }
    return Workflow(
        "The same region by Stable Diffusion (choose an inpainting checkpoint of your own) and by SinDDM, scored "
        "side by side. Without a checkpoint only the upper half runs.",
        ours | {name: replace(node, row=1) for name, node in theirs.items()},
        {"SinDDM": tuple(name for name in ours if name != "scene"), "Stable Diffusion": tuple(theirs)},
    )


def _score(source: str, column: int = 3) -> Node:
    wires = {"image": (source, 0), "source": ("scene", 0), "mask": ("scene", 1)}
    return Node("SinDDMScore", column, {"text": "The house is damaged", **wires})


def inputs_of(kind: str) -> dict[str, tuple[str, Any, bool]]:
    """Inputs in order → (type, default, whether "control after generate" follows)."""
    if kind in CORE:
        seeds = ("KSampler",)
        return {name: (type_, None, kind in seeds and name == "seed") for name, type_ in CORE[kind][0].items()}
    import comfyui_sinddm_rs as pack  # noqa: PLC0415 (after the stand-in below)

    groups = pack.NODE_CLASS_MAPPINGS[kind].INPUT_TYPES()
    found = {}
    for name, (type_, options) in {**groups["required"], **groups.get("optional", {})}.items():
        type_name = type_ if isinstance(type_, str) else "COMBO"
        found[name] = (type_name, options.get("default"), bool(options.get("control_after_generate")))
    return found


def outputs_of(kind: str) -> list[tuple[str, str]]:
    """(name, type) of each output."""
    if kind in CORE:
        return [(type_, type_) for type_ in CORE[kind][1]]
    import comfyui_sinddm_rs as pack  # noqa: PLC0415 (see inputs_of)

    node = pack.NODE_CLASS_MAPPINGS[kind]
    return list(zip(node.RETURN_NAMES, node.RETURN_TYPES, strict=True))


def title_of(kind: str) -> str:
    import comfyui_sinddm_rs as pack  # noqa: PLC0415 (see inputs_of)

    return str(pack.NODE_DISPLAY_NAME_MAPPINGS.get(kind, kind))


def is_wire(type_: str) -> bool:
    return type_ in WIRES or type_.startswith(("RS_", "SINDDM_"))


def values_of(node: Node) -> dict[str, Any]:
    """Every widget's value, and every wire that is given."""
    values = {}
    for name, (type_, default, _) in inputs_of(node.kind).items():
        if name in node.inputs:
            values[name] = node.inputs[name]
        elif not is_wire(type_):
            values[name] = default
    unknown = set(node.inputs) - set(values)
    assert not unknown, f"{node.kind} has no {unknown}"
    return values


def api_graph(workflow: Workflow) -> dict[str, Any]:
    ids = {name: str(i + 1) for i, name in enumerate(workflow.nodes)}
    return {
        ids[name]: {
            "class_type": node.kind,
            "inputs": {
                key: [ids[value[0]], value[1]] if isinstance(value, tuple) else value
                for key, value in values_of(node).items()
            },
            "_meta": {"title": title_of(node.kind)},
        }
        for name, node in workflow.nodes.items()
    }


def ui_graph(name: str, workflow: Workflow) -> dict[str, Any]:
    ids = {key: i + 1 for i, key in enumerate(workflow.nodes)}
    places = positions(workflow)
    links: list[list[Any]] = []
    nodes = []
    for order, (key, node) in enumerate(workflow.nodes.items()):
        inputs, widgets = [], []
        values = values_of(node)
        for input_name, (type_, _, controlled) in inputs_of(node.kind).items():
            if is_wire(type_):
                slot: dict[str, Any] = {"name": input_name, "type": type_, "link": None}
                if input_name in values:
                    source, output = values[input_name]
                    kind = outputs_of(workflow.nodes[source].kind)[output][1]
                    links.append([len(links) + 1, ids[source], output, ids[key], len(inputs), kind])
                    slot["link"] = len(links)
                inputs.append(slot)
            else:
                widgets += [values[input_name], "fixed"] if controlled else [values[input_name]]
        x, y, height = places[key]
        nodes.append(
            {
                "id": ids[key],
                "type": node.kind,
                "pos": [x, y],
                "size": [COLUMN - 60, height],
                "flags": {},
                "order": order,
                "mode": 0,
                "inputs": inputs,
                "outputs": [],
                "properties": {"Node name for S&R": node.kind},
                "widgets_values": widgets,
            }
        )
    for drawn, node in zip(nodes, workflow.nodes.values(), strict=True):
        drawn["outputs"] = [
            {
                "name": output,
                "type": type_,
                "links": [link[0] for link in links if link[1:3] == [drawn["id"], i]] or None,
            }
            for i, (output, type_) in enumerate(outputs_of(node.kind))
        ]
    note = len(nodes) + 1
    nodes.append(
        {
            "id": note,
            "type": "MarkdownNote",
            "pos": [20, TOP],
            "size": [COLUMN - 60, 260],
            "flags": {},
            "order": len(nodes),
            "mode": 0,
            "inputs": [],
            "outputs": [],
            "title": "About this graph",
            "properties": {},
            "widgets_values": [workflow.note],
        }
    )
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"comfyui-sinddm-rs/{name}")),
        "revision": 0,
        "last_node_id": note,
        "last_link_id": len(links),
        "nodes": nodes,
        "links": links,
        "groups": [_group(i, title, members, places) for i, (title, members) in enumerate(workflow.groups.items())],
        "config": {},
        "extra": {"ds": {"scale": 0.8, "offset": [0, 0]}},
        "version": 0.4,
    }


def positions(workflow: Workflow) -> dict[str, tuple[int, int, int]]:
    """(x, y, height) of each node: columns from left to right, in each from top to bottom."""
    places: dict[str, tuple[int, int, int]] = {}
    top = TOP
    for row in sorted({node.row for node in workflow.nodes.values()}):
        below: dict[int, int] = {}
        for name, node in workflow.nodes.items():
            if node.row == row:
                y, height = below.get(node.column, top), _height(node.kind)
                places[name] = (20 + node.column * COLUMN, y, height)
                below[node.column] = y + height + GAP
        top = max(below.values())
    return places


def _height(kind: str) -> int:
    widgets = sum(not is_wire(type_) for type_, _, _ in inputs_of(kind).values())
    slots = max(len(inputs_of(kind)) - widgets, len(outputs_of(kind)))
    return HEIGHTS.get(kind, 60 + 24 * slots + 32 * widgets)


def _group(i: int, title: str, members: tuple[str, ...], places: dict[str, tuple[int, int, int]]) -> dict[str, Any]:
    left = min(places[name][0] for name in members) - 20
    top = min(places[name][1] for name in members) - 80
    right = max(places[name][0] for name in members) + COLUMN - 40
    bottom = max(places[name][1] + places[name][2] for name in members) + 20
    bounding = [left, top, right - left, bottom - top]
    return {"id": i + 1, "title": title, "bounding": bounding, "color": "#3f789e", "font_size": 24, "flags": {}}


def main(folder: Path) -> None:
    # The node classes ask ComfyUI for its folders when they list what can be chosen; here there are none.
    folders = ModuleType("folder_paths")
    folders.__dict__.update(
        models_dir=str(ROOT / "models"),
        get_folder_paths=lambda _: [],
        add_model_folder_path=lambda *_: None,
        get_output_directory=lambda: str(ROOT / "output"),
    )
    sys.modules["folder_paths"] = folders
    for name, workflow in workflows().items():
        for path, graph in ((folder, ui_graph(name, workflow)), (folder / "api", api_graph(workflow))):
            text = json.dumps(graph, indent=2, ensure_ascii=False)
            path.mkdir(parents=True, exist_ok=True)
            (path / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "workflows")
