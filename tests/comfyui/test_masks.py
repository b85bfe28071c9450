"""Masks as people make them: outside the region the saved picture is the source bit for bit, inside it changed."""

from __future__ import annotations

import io
import json
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

Graph = dict[str, Any]
Pixels = NDArray[np.uint8]
Region = NDArray[np.bool_]
SCENES = Path(__file__).parents[2] / "scenes"
SIZE = (39, 47)
"""Height and width where nothing else is asked for: neither square nor even, and soon edited."""


def node(kind: str, **inputs: Any) -> Graph:
    return {"class_type": kind, "inputs": inputs}


def picture(size: tuple[int, int] = SIZE, scene: str = "forest") -> Pixels:
    """Pixels [H, W, 3] out of an example scene."""
    with Image.open(SCENES / f"{scene}.png") as whole:
        return np.asarray(whole.convert("RGB").crop((60, 100, 60 + size[1], 100 + size[0])))


def right_half(size: tuple[int, int] = SIZE) -> Region:
    """All of the right half but a frame of three pixels."""
    region = np.zeros(size, bool)
    region[3:-3, size[1] // 2 : -3] = True
    return region


def black_and_white(region: Region) -> Pixels:
    return np.repeat(region[..., None], 3, axis=2).astype(np.uint8) * 255


def cut_out(source: Pixels, region: Region) -> Pixels:
    """The picture as RGBA, transparent in the region: ComfyUI's mask is 1 − alpha."""
    return np.dstack([source, np.where(region, 0, 255).astype(np.uint8)])


def upload(comfyui: ComfyUI, pixels: Pixels, route: str = "image", **fields: str) -> Graph:
    """Send a PNG as the interface does; what the server says where it is."""
    file, border = io.BytesIO(), uuid.uuid4().hex
    Image.fromarray(pixels).save(file, "PNG")
    head = f'Content-Disposition: form-data; name="image"; filename="{uuid.uuid4().hex}.png"\r\nContent-Type: image/png'
    parts = [(head, file.getvalue())]
    parts += [(f'Content-Disposition: form-data; name="{name}"', value.encode()) for name, value in fields.items()]
    body = b"".join(f"--{border}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts)
    content = {"Content-Type": f"multipart/form-data; boundary={border}"}
    request = urllib.request.Request(f"{comfyui.address}/upload/{route}", body + f"--{border}--\r\n".encode(), content)
    with urllib.request.urlopen(request, timeout=30) as answer:
        where: Graph = json.loads(answer.read())
    return where


def load(where: Graph, kind: str = "LoadImage", **further: str) -> Graph:
    """A node that loads what was uploaded, named in its widget as the interface does it."""
    folder = f"{where['subfolder']}/" if where["subfolder"] else ""
    return node(kind, image=f"{folder}{where['name']} [{where['type']}]", **further)


def editing(image: list[Any], mask: list[Any] | None, /, **sources: Graph) -> Graph:
    given = {"image": image, "text": "covered in snow", "seed": 2, "strength": 1.0, "candidates": 1}
    return {
        **sources,
        "edit": node("SinDDMEdit", **given, **({} if mask is None else {"mask": mask})),
        "save": node("SaveImage", images=["edit", 0], filename_prefix="masks"),
    }


def saved(comfyui: ComfyUI, graph: Graph, by: str = "save") -> list[Pixels]:
    entry = comfyui.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    return [comfyui.picture(image) for image in entry["outputs"][by]["images"]]


def check(edited: Pixels, source: Pixels, region: Region) -> None:
    """Nothing but the region changed, and there a good part of it did."""
    assert edited.shape == source.shape
    assert 0 < region.mean() < 1
    difference = np.abs(edited.astype(int) - source.astype(int)).max(axis=2)
    assert difference[~region].max() == 0, "changed outside the region"
    assert (difference[region] > 12).mean() > 0.1, "hardly anything changed inside the region"


@pytest.mark.parametrize("size", [SIZE, (64, 33), (131, 97)], ids=lambda size: f"{size[1]}x{size[0]}")
def test_alpha_of_the_picture_itself(size: tuple[int, int], comfyui: ComfyUI) -> None:
    source, region = picture(size), right_half(size)
    loaded = load(upload(comfyui, cut_out(source, region)))
    (edited,) = saved(comfyui, editing(["load", 0], ["load", 1], load=loaded))
    check(edited, source, region)


@pytest.mark.parametrize("layers", ["masked", "painted-masked"])
def test_mask_editor(layers: str, comfyui: ComfyUI) -> None:
    """It keeps the mask as alpha beside the picture; today's editor gives the layer "painted-masked" to the node."""
    source, region = picture(), right_half()
    reference = upload(comfyui, source)
    clipspace = {"type": "input", "subfolder": "clipspace"}
    if layers == "painted-masked":
        painted = json.dumps({"filename": reference["name"], "subfolder": "", "type": "input"})
        reference = upload(comfyui, source, original_ref=painted, **clipspace)
    original = {"filename": reference["name"], "subfolder": reference["subfolder"], "type": reference["type"]}
    canvas = cut_out(source, region) * (~region[..., None]).astype(np.uint8)  # a canvas forgets what it hides
    masked = upload(comfyui, canvas, "mask", original_ref=json.dumps(original), **clipspace)
    assert masked["subfolder"] == "clipspace"
    (edited,) = saved(comfyui, editing(["load", 0], ["load", 1], load=load(masked)))
    check(edited, source, region)


@pytest.mark.parametrize("channel", ["red", "alpha"])
def test_mask_from_a_file_of_its_own(channel: str, comfyui: ComfyUI) -> None:
    source, region = picture(), right_half()
    drawn = black_and_white(region) if channel == "red" else cut_out(source, region)
    mask = load(upload(comfyui, drawn), "LoadImageMask", channel=channel)
    graph = editing(["load", 0], ["mask", 0], load=load(upload(comfyui, source)), mask=mask)
    (edited,) = saved(comfyui, graph)
    check(edited, source, region)


def test_inverted_mask(comfyui: ComfyUI) -> None:
    source, region = picture(), right_half()
    inverted = node("InvertMask", mask=["load", 1])
    graph = editing(["load", 0], ["not", 0], load=load(upload(comfyui, cut_out(source, region))), **{"not": inverted})
    (edited,) = saved(comfyui, graph)
    check(edited, source, ~region)


@pytest.mark.parametrize("size", [(20, 30), (117, 94), (64, 64)], ids=lambda size: f"{size[1]}x{size[0]}")
def test_mask_of_another_size(size: tuple[int, int], comfyui: ComfyUI) -> None:
    """Each pixel asks the mask's pixel that lies over it."""
    source, drawn = picture(), right_half(size)
    rows, columns = (np.arange(own) * other // own for own, other in zip(SIZE, size, strict=True))
    mask = load(upload(comfyui, black_and_white(drawn)), "LoadImageMask", channel="green")
    graph = editing(["load", 0], ["mask", 0], load=load(upload(comfyui, source)), mask=mask)
    (edited,) = saved(comfyui, graph)
    check(edited, source, drawn[np.ix_(rows, columns)])


SOFTENED = {
    "grown": {"soft": node("GrowMask", mask=["mask", 0], expand=4, tapered_corners=True)},
    "shrunk": {"soft": node("GrowMask", mask=["mask", 0], expand=-4, tapered_corners=True)},
    "feathered": {"soft": node("FeatherMask", mask=["mask", 0], left=0, top=9, right=12, bottom=9)},
    "blurred": {
        "drawn": node("MaskToImage", mask=["mask", 0]),
        "blur": node("ImageBlur", image=["drawn", 0], blur_radius=3, sigma=3.0),
        "soft": node("ImageToMask", image=["blur", 0], channel="red"),
    },
}


@pytest.mark.parametrize("how", SOFTENED)
def test_softened_mask(how: str, comfyui: ComfyUI) -> None:
    source, drawn = picture(), right_half()
    mask = load(upload(comfyui, black_and_white(drawn)), "LoadImageMask", channel="red")
    graph = editing(["load", 0], ["soft", 0], load=load(upload(comfyui, source)), mask=mask, **SOFTENED[how])
    graph["shown"] = node("MaskToImage", mask=["soft", 0])
    graph["seen"] = node("SaveImage", images=["shown", 0], filename_prefix="masks")
    entry = comfyui.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    edited, soft = (comfyui.picture(entry["outputs"][by]["images"][0]) for by in ("save", "seen"))
    assert not np.array_equal(soft[..., 0], drawn * 255), "the mask is as it was"
    check(edited, source, soft[..., 0] > 0)


@pytest.fixture
def pair(comfyui: ComfyUI) -> tuple[list[Pixels], Graph]:
    """Two pictures and their batch, the output of node "pair"."""
    sources = [picture(scene="forest"), picture(scene="meadow")]
    first, second = (load(upload(comfyui, source)) for source in sources)
    return sources, {"a": first, "b": second, "pair": node("ImageBatch", image1=["a", 0], image2=["b", 0])}


def test_two_pictures_with_a_mask_each(comfyui: ComfyUI, pair: tuple[list[Pixels], Graph]) -> None:
    sources, graph = pair
    regions = [right_half(), right_half()[:, ::-1]]
    first, second = (load(upload(comfyui, black_and_white(region))) for region in regions)
    masks = {
        "c": first,
        "d": second,
        "drawn": node("ImageBatch", image1=["c", 0], image2=["d", 0]),
        "masks": node("ImageToMask", image=["drawn", 0], channel="blue"),
    }
    edits = saved(comfyui, editing(["pair", 0], ["masks", 0], **graph, **masks))
    assert len(edits) == 2
    for edited, source, region in zip(edits, sources, regions, strict=True):
        check(edited, source, region)


def test_two_pictures_with_one_mask(comfyui: ComfyUI, pair: tuple[list[Pixels], Graph]) -> None:
    sources, graph = pair
    mask = load(upload(comfyui, black_and_white(right_half())), "LoadImageMask", channel="red")
    edits = saved(comfyui, editing(["pair", 0], ["mask", 0], mask=mask, **graph))
    assert len(edits) == 2
    for edited, source in zip(edits, sources, strict=True):
        check(edited, source, right_half())


@pytest.fixture(scope="module")
def unmasked(comfyui: ComfyUI) -> Pixels:
    (edited,) = saved(comfyui, editing(["load", 0], None, load=load(upload(comfyui, picture()))))
    return edited


WHOLE = {"no-alpha": ("load", None), "full": ("full", SIZE), "full-of-another-size": ("full", (200, 8))}


@pytest.mark.parametrize(("mask", "size"), WHOLE.values(), ids=WHOLE)
def test_mask_of_everything_is_no_mask(
    mask: str, size: tuple[int, int] | None, unmasked: Pixels, comfyui: ComfyUI
) -> None:
    """So is that of a file without alpha: ComfyUI gives 64×64 zeros for it, which nobody drew."""
    source = picture()
    height, width = size or (1, 1)
    full = node("SolidMask", value=1.0, width=width, height=height)
    output = [mask, 1 if mask == "load" else 0]
    (edited,) = saved(comfyui, editing(["load", 0], output, load=load(upload(comfyui, source)), full=full))
    assert np.array_equal(edited, unmasked)
    assert (np.abs(edited.astype(int) - source.astype(int)).max(axis=2) > 12).mean() > 0.1


def test_empty_mask_is_one_sentence(comfyui: ComfyUI) -> None:
    empty = node("SolidMask", value=0.0, width=SIZE[1], height=SIZE[0])
    error = comfyui.error(editing(["load", 0], ["empty", 0], load=load(upload(comfyui, picture())), empty=empty))
    message = error["exception_message"].strip()
    assert error["node_type"] == "SinDDMEdit"
    assert message.startswith("The input 'mask' is empty") and message.endswith(".") and "\n" not in message
