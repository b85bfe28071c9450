"""What a graph can wire into a node that the node cannot use: one sentence about the input, and the server goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfyui_sinddm_rs as pack
import pytest
from bad_graphs import (
    FILE,
    HEIGHT,
    IMAGE,
    NAN,
    REQUIRED,
    WIDTH,
    check_goes_on,
    done,
    each,
    graph,
    inputs,
    keep_model,
    keep_raster,
    node,
    refused,
    sentence,
)

if TYPE_CHECKING:
    from comfyui_server import ComfyUI

BAD = ["bad", 0]
SOCKETS = {
    "SinDDMBlend": "original edited mask",
    "SinDDMEdit": "image model guide prompts mask raster",
    "SinDDMHarmonize": "model image mask",
    "SinDDMInstantModel": "image exemplars",
    "SinDDMSample": "model image",
    "SinDDMSaveModel": "model",
    "SinDDMSaveRaster": "raster image mask",
    "SinDDMScore": "image guide prompts source mask",
    "SinDDMStyle": "model image guide",
    "SinDDMTrain": "image exemplars",
}
OTHERS = ("model", "guide", "prompts", "mask", "raster")
PICTURES = {kind: " ".join(name for name in names.split() if name not in OTHERS) for kind, names in SOCKETS.items()}
WIRED: dict[str, tuple[float, ...]] = {
    "SinDDMBlend.feather": (-1, 257),
    "SinDDMEdit.seed": (-1, 2**63 - 1),
    "SinDDMEdit.strength": (-1.0, 99.0, NAN),
    "SinDDMEdit.candidates": (0, -1, 65),
    "SinDDMHarmonize.steps": (0, -1, 100),
    "SinDDMHarmonize.seed": (-1, 2**63 - 1),
    "SinDDMPrompts.n": (0, -1, 51),
    "SinDDMSample.width": (-1, 1, 31, 2049),
    "SinDDMSample.height": (-1, 1, 31, 2049),
    "SinDDMSample.batch_size": (0, -1, 65),
    "SinDDMSample.strength": (-1.0, 99.0, NAN),
    "SinDDMSample.seed": (-1, 2**63 - 1),
    "SinDDMStyle.strength": (-1.0, 99.0, NAN),
    "SinDDMStyle.seed": (-1, 2**63 - 1),
    "SinDDMTrain.iterations": (-1,),
    "SinDDMTrain.time_budget": (-1.0, NAN),
    "SinDDMTrain.seed": (-1, 2**63 - 1),
}
NUMBERS = [pytest.param(*of.split("."), value, id=f"{of}={value}") for of, values in WIRED.items() for value in values]
FURTHER = {
    "zero": node("PrimitiveInt", value=0),
    "below": node("PrimitiveFloat", value=-1.0),
    "two": node("RepeatImageBatch", image=IMAGE, amount=2),
    "three": node("RepeatImageBatch", image=IMAGE, amount=3),
}
BAD_IMAGES = {
    "1-pixel": (node("EmptyImage", width=1, height=1, batch_size=1, color=0), ("1×1 px", "[3, 1, 1]")),
    "no-width": (node("EmptyImage", width=["zero", 0], height=HEIGHT, batch_size=1, color=0), ("(1, 40, 0, 3)",)),
    "batch-of-0": (node("EmptyImage", width=WIDTH, height=HEIGHT, batch_size=["zero", 0], color=0), ("(0, ",)),
    # ComfyUI lets NaN pass by the limits of a widget.
    "nan": (node("ImageBlend", image1=IMAGE, image2=IMAGE, blend_factor=NAN, blend_mode="normal"), ("NaN",)),
}
"""Each with what the message has to say one of."""


def solid(value: Any, width: Any = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    return node("SolidMask", value=value, width=width, height=height)


def as_mask(images: str) -> dict[str, Any]:
    return node("ImageToMask", image=[images, 0], channel="red")


EMPTY_MASKS = {
    "empty": solid(0.0),
    "empty-of-another-size": solid(0.0, 10, 200),
    "empty-pixel": solid(0.0, 1, 1),
    "below-zero": solid(["below", 0]),
}
BAD_MASKS = {
    "nan": (solid(NAN), "NaN"),
    "no-width": (solid(1.0, ["zero", 0]), ", 0)"),
    "batch-of-0": (as_mask("bad_image"), "(0, "),
    "2-for-1-image": (as_mask("two"), "a batch of 2 for 1 "),
}
NAMES = {
    "folder-above": "../x",
    "file-above": f"../{FILE}",
    "absolute": "/etc/passwd",
    "in-a-folder": "a/b",
    "backslash": "..\\x",
    "nul": "x\0y",
    "line-break": "x\ny",
    "no-unicode": "x\ud800",
    "long": "x" * 300,
    "nothing": "",
    "dot": ".",
    "dots": "..",
    "hidden": ".x",
    "blank-before": " x",
    "drive": "c:x",
}


@pytest.fixture(scope="module", autouse=True)
def model_file(comfyui: ComfyUI) -> None:
    keep_model(comfyui)
    keep_raster(comfyui)


@pytest.fixture(autouse=True)
def goes_on(comfyui: ComfyUI, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    check_goes_on(comfyui, request)


@pytest.fixture
def models(comfyui: ComfyUI) -> Iterator[Path]:
    """The server's folder of models; what a test adds to it goes again."""
    folder = comfyui.log.parent / "models" / "sinddm"
    before = set(folder.iterdir())
    yield folder
    for path in set(folder.iterdir()) - before:
        path.unlink()


def files(base: Path) -> set[Path]:
    return {path for place in (base, base / "models", base / "models" / "sinddm") for path in place.iterdir()}


def test_the_table_has_every_socket(comfyui: ComfyUI) -> None:
    found = {what: set() for what in ("IMAGE", "MASK", "SINDDM_MODEL", "RS_GUIDE", "RS_PROMPTS", "RS_RASTER")}
    for kind in pack.NODE_CLASS_MAPPINGS:
        for name, (what, _) in inputs(comfyui, kind).items():
            if not isinstance(what, list) and what not in ("INT", "FLOAT", "BOOLEAN", "STRING"):
                found[what].add((kind, name))
    assert set().union(*found.values()) == {case.values for case in each(SOCKETS)}
    assert found["IMAGE"] == {case.values for case in each(PICTURES)}


LITERALS = {"dict": ({"not": "wired"}, "a dict"), "list": ({"__value__": [1, 2]}, "a list")}


@pytest.mark.parametrize(("value", "what"), LITERALS.values(), ids=LITERALS)
@pytest.mark.parametrize(("kind", "name"), each(SOCKETS))
def test_a_value_in_place_of_a_link(kind: str, name: str, value: Any, what: str, comfyui: ComfyUI) -> None:
    assert f"'{name}' is {what};" in sentence(comfyui, graph(kind, **{name: value}), name)


@pytest.mark.parametrize(("kind", "name", "value"), NUMBERS)
def test_a_wired_number_beyond_the_limits(kind: str, name: str, value: float, comfyui: ComfyUI) -> None:
    """ComfyUI checks the limits of what is written into a widget, not of what is wired to it."""
    number = node("PrimitiveInt" if isinstance(value, int) else "PrimitiveFloat", value=value)
    message = sentence(comfyui, graph(kind, {"bad": number}, **{name: BAD}), name)
    assert f"{value:g}" in message or str(value) in message


@pytest.mark.parametrize("bad", BAD_IMAGES)
@pytest.mark.parametrize(("kind", "name"), each(PICTURES))
def test_a_bad_image(kind: str, name: str, bad: str, comfyui: ComfyUI) -> None:
    source, said = BAD_IMAGES[bad]
    message = sentence(comfyui, graph(kind, {**FURTHER, "bad": source}, **{name: BAD}), name)
    assert any(each in message for each in said)


@pytest.mark.parametrize("kind", ["SinDDMEdit", "SinDDMHarmonize", "SinDDMScore"])
def test_a_bad_image_with_a_mask(kind: str, comfyui: ComfyUI) -> None:
    """The mask is brought to the image's size, which must not come before the image is found bad."""
    source, _ = BAD_IMAGES["no-width"]
    sentence(comfyui, graph(kind, {**FURTHER, "bad": source}, image=BAD, mask=["mask", 0]), "image")


@pytest.mark.parametrize(
    ("kind", "name"),
    each({"SinDDMInstantModel": "image", "SinDDMTrain": "image", "SinDDMBlend": "edited", "SinDDMScore": "source"}),
)
def test_two_images_for_one(kind: str, name: str, comfyui: ComfyUI) -> None:
    assert " 2 " in sentence(comfyui, graph(kind, FURTHER, **{name: ["two", 0]}), name)


@pytest.mark.parametrize(("kind", "name"), each({"SinDDMBlend": "original edited", "SinDDMScore": "image source"}))
@pytest.mark.parametrize("other", ["size", "bands"])
def test_two_images_that_do_not_fit(kind: str, name: str, other: str, comfyui: ComfyUI) -> None:
    bad = node("ImageCrop", image=["scene", 0], width=WIDTH, height=HEIGHT + 1, x=0, y=0)
    bad = bad if other == "size" else node("JoinImageWithAlpha", image=IMAGE, alpha=["mask", 0])
    source = {"source": IMAGE} if kind == "SinDDMScore" else {}
    sentence(comfyui, graph(kind, {"bad": bad}, **{**source, name: BAD}), name)


@pytest.mark.parametrize("kind", ["SinDDMEdit", "SinDDMHarmonize", "SinDDMSample", "SinDDMStyle"])
def test_a_model_of_other_bands(kind: str, comfyui: ComfyUI) -> None:
    rgba = node("JoinImageWithAlpha", image=IMAGE, alpha=["half", 0])
    train = node("SinDDMTrain", **{**REQUIRED["SinDDMTrain"], "image": ["rgba", 0]})
    further = {"half": solid(0.5), "rgba": rgba, "model": train}
    message = sentence(comfyui, graph(kind, further, image=IMAGE, model=["model", 0]), "model")
    assert "4 bands" in message or "model 4" in message


@pytest.mark.parametrize("kind", ["SinDDMHarmonize", "SinDDMSaveModel", "SinDDMStyle"])
def test_an_instant_model_where_a_trained_one_is_needed(kind: str, comfyui: ComfyUI) -> None:
    instant = node("SinDDMInstantModel", image=IMAGE)
    assert "instant model" in sentence(comfyui, graph(kind, {"model": instant}), "model")


@pytest.mark.parametrize("mask", EMPTY_MASKS)
@pytest.mark.parametrize("kind", ["SinDDMBlend", "SinDDMEdit", "SinDDMHarmonize"])
def test_a_mask_of_nothing(kind: str, mask: str, comfyui: ComfyUI) -> None:
    bad = graph(kind, {**FURTHER, "bad": EMPTY_MASKS[mask]}, mask=BAD)
    assert "is empty" in sentence(comfyui, bad, "mask")


@pytest.mark.parametrize("mask", BAD_MASKS)
@pytest.mark.parametrize("kind", ["SinDDMBlend", "SinDDMEdit", "SinDDMHarmonize", "SinDDMScore"])
def test_a_bad_mask(kind: str, mask: str, comfyui: ComfyUI) -> None:
    source, said = BAD_MASKS[mask]
    further = {**FURTHER, "bad_image": BAD_IMAGES["batch-of-0"][0], "bad": source}
    assert said in sentence(comfyui, graph(kind, further, mask=BAD), "mask")


@pytest.mark.parametrize(
    ("kind", "name"),
    each({"SinDDMBlend": "original", "SinDDMEdit": "image", "SinDDMHarmonize": "image", "SinDDMScore": "image"}),
)
def test_three_masks_for_two_images(kind: str, name: str, comfyui: ComfyUI) -> None:
    bad = graph(kind, {**FURTHER, "bad": as_mask("three")}, **{name: ["two", 0]}, mask=BAD)
    assert "a batch of 3 for 2 images" in sentence(comfyui, bad, "mask")


@pytest.mark.parametrize("mark", ["", " [output]"], ids=["models", "output"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_model_is_loaded_from_its_folder_only(name: str, mark: str, comfyui: ComfyUI) -> None:
    told = refused(comfyui, graph("SinDDMLoadModel", name=name + mark), "name")["details"]
    assert told.startswith("name - The name ") and told.endswith(".") and "\n" not in told


@pytest.mark.parametrize("wired", [False, True], ids=["written", "wired"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_model_is_saved_into_its_folder_only(name: str, wired: bool, comfyui: ComfyUI) -> None:
    before = files(comfyui.log.parent)
    further = {"bad": node("PrimitiveString", value=name)}
    sentence(comfyui, graph("SinDDMSaveModel", further, name=BAD if wired else name), "name")
    assert files(comfyui.log.parent) == before


def test_a_link_out_of_the_folder_is_not_followed(comfyui: ComfyUI, models: Path, tmp_path: Path) -> None:
    outside, link, loop = tmp_path / "outside.safetensors", models / "link.safetensors", models / "loop.safetensors"
    outside.write_bytes((models / FILE).read_bytes())
    link.symlink_to(outside)
    loop.symlink_to(loop)
    refused(comfyui, graph("SinDDMLoadModel", name=loop.name), "name")
    assert "is a link" in refused(comfyui, graph("SinDDMLoadModel", name=link.name), "name")["details"]
    assert "is a link" in sentence(comfyui, graph("SinDDMSaveModel", name=link.stem), link.name)
    assert outside.read_bytes() == (models / FILE).read_bytes()


@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"\x80\x04pickle"], ids=["empty", "junk", "pickle"])
def test_a_damaged_model(content: bytes, comfyui: ComfyUI, models: Path) -> None:
    (models / "damaged.safetensors").write_bytes(content)
    sentence(comfyui, graph("SinDDMLoadModel", name="damaged.safetensors"), "damaged.safetensors")


def test_at_last_a_real_edit(comfyui: ComfyUI) -> None:
    done(comfyui, graph("SinDDMEdit", seed=4))
