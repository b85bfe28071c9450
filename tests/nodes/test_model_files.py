"""Model files as nodes: in two folders and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.nodes.model_files import SinDDMLoadModel, SinDDMSaveModel
from comfyui_sinddm_rs.nodes.types import InstantModel
from comfyui_sinddm_rs.sinddm.network.model import SinDDMModel
from comfyui_sinddm_rs.sinddm.network.model_file import model_bytes
from torch import Tensor

from .conftest import Host

OUTSIDE = [
    "../model",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "C:model",
    "..",
    ".hidden",
    "",
    " ",
    "x\0",
    "x\n",
    "\ud800",
    "é" * 101,
    "x" * 5000,
]


def save(model: object, name: str, **inputs: str) -> None:
    with torch.inference_mode():  # as ComfyUI does
        SinDDMSaveModel().save(model=model, name=name, **inputs)  # type: ignore[arg-type]


def offered() -> list[str]:
    names: list[str] = SinDDMLoadModel.INPUT_TYPES()["required"]["name"][0]
    return names


def files(host: Host) -> list[Path]:
    return [path for path in host.models.parent.rglob("*") if not path.is_dir()]


@pytest.mark.parametrize(
    ("folder", "offer"), [("models", "river.safetensors"), ("output", "river.safetensors [output]")]
)
def test_a_saved_model_is_offered_and_loaded(host: Host, trained: SinDDMModel, folder: str, offer: str) -> None:
    assert offered() == []
    save(trained, "river", folder=folder)
    root = host.models if folder == "models" else host.output
    assert files(host) == [root / "sinddm" / "river.safetensors"]
    assert offered() == [offer]
    assert SinDDMLoadModel.VALIDATE_INPUTS(offer) is True
    with torch.inference_mode():
        (loaded,) = SinDDMLoadModel().load(name=offer)
    assert model_bytes(loaded) == model_bytes(trained)
    assert not next(loaded.network.parameters()).is_inference()


@pytest.mark.usefixtures("host")
def test_a_file_that_is_replaced_counts_as_changed(trained: SinDDMModel) -> None:
    save(trained, "m.safetensors")
    name = "m.safetensors"
    first = SinDDMLoadModel.IS_CHANGED(name)
    save(trained, name)
    assert SinDDMLoadModel.IS_CHANGED(name) == first
    save(SinDDMModel(trained.network, trained.image * 0.5, *_rest(trained)), name)
    assert SinDDMLoadModel.IS_CHANGED(name) != first
    assert offered() == [name]


def _rest(model: SinDDMModel) -> tuple[float, tuple[float, ...], str, object]:
    return model.factor, model.details, model.schedule, model.origin


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out_of_the_folders(host: Host, trained: SinDDMModel, name: str) -> None:
    with pytest.raises(InputError, match=r"^The name .{1,60} is (no plain file name|too long); .*\.$"):
        save(trained, name)
    assert files(host) == []
    for each in (name, f"{name}.safetensors", f"{name} [output]"):
        said = SinDDMLoadModel.VALIDATE_INPUTS(each)
        assert isinstance(said, str) and said.count(".") <= 5
        with pytest.raises(InputError):
            SinDDMLoadModel().load(name=each)


def test_links_out_of_the_folder_are_refused(host: Host, trained: SinDDMModel) -> None:
    save(trained, "own")
    folder, elsewhere = host.models / "sinddm", host.models / "elsewhere.safetensors"
    elsewhere.write_bytes(b"kept")
    (folder / "link.safetensors").symlink_to(elsewhere)
    (folder / "circle.safetensors").symlink_to(folder / "circle.safetensors")
    for name in ("link", "circle"):
        with pytest.raises(InputError, match=r"leads out of its folder|There is no model"):
            SinDDMLoadModel().load(name=f"{name}.safetensors")
    with pytest.raises(InputError, match="leads out of its folder"):
        save(trained, "link")
    assert elsewhere.read_bytes() == b"kept"


@pytest.mark.usefixtures("host")
def test_what_is_missing_or_damaged_is_named(host: Host, trained: SinDDMModel) -> None:
    with pytest.raises(InputError, match=r"There is no model 'none\.safetensors'"):
        SinDDMLoadModel().load(name="none.safetensors")
    assert "There is no model 'None'" in str(SinDDMLoadModel.VALIDATE_INPUTS(None))
    save(trained, "m")
    (host.models / "sinddm" / "m.safetensors").write_bytes(b"no model")
    with pytest.raises(InputError, match=r"m\.safetensors is damaged"):
        SinDDMLoadModel().load(name="m.safetensors")


def test_only_trained_models_are_saved(host: Host, scene: Tensor) -> None:
    with pytest.raises(InputError, match="'model' is an instant model, and only a trained one can do this"):
        save(InstantModel(scene[0].permute(2, 0, 1)), "m")
    with pytest.raises(InputError, match="The input 'model' is a dict"):
        save({"network": 1}, "m")
    assert files(host) == []


def test_other_folders_are_refused(host: Host, trained: SinDDMModel) -> None:
    with pytest.raises(InputError, match="There is no folder 'temp'; choose one of models, output"):
        save(trained, "m", folder="temp")
    host.models.mkdir()
    (host.models / "sinddm").write_bytes(b"a file")
    with pytest.raises(OutputError, match="cannot be made"):
        save(trained, "m")
