"""Trained models in files, as nodes: in ComfyUI's models/sinddm and output/sinddm folders and nowhere else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..rasters.files import make_folder, write_bytes
from ..rasters.names import inside
from ..sinddm.network.model import SinDDMModel
from ..sinddm.network.model_file import MODEL_SUFFIX, load_model, model_bytes
from ..sinddm.training.run import check_model_output
from .host import gradients, output_folder, sinddm_folders
from .types import Model, from_trained

FOLDERS = ("models", "output")
OUTPUT_MARK = " [output]"
"""ComfyUI's own way to say that a file lies in its output folder."""


class SinDDMSaveModel:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = "Saves a trained model as a safetensors file, for SinDDM Load Model and the command sinddm-rs."
    FUNCTION = "save"
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    RETURN_NAMES = ()
    OUTPUT_TOOLTIPS = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "model": (
                    "SINDDM_MODEL",
                    {"tooltip": "A trained model. An instant model is the image itself and needs no file."},
                ),
                "name": (
                    "STRING",
                    {
                        "default": "model",
                        "tooltip": "Name of the file, without folders. A file of this name is replaced.",
                    },
                ),
            },
            "optional": {
                "folder": (
                    list(FOLDERS),
                    {
                        "default": FOLDERS[0],
                        "tooltip": "models: ComfyUI's models/sinddm. output: its output/sinddm, to download from.",
                    },
                ),
            },
        }

    def save(self, *, model: Model, name: str, folder: str = FOLDERS[0]) -> dict[str, Any]:
        if folder not in FOLDERS:
            raise InputError(f"There is no folder '{folder}'; choose one of {', '.join(FOLDERS)}.")
        trained = from_trained(model)
        place = sinddm_folders()[0] if folder == FOLDERS[0] else output_folder()
        inside(place, name)  # before a suffix can hide what is wrong at its end
        target = inside(place, name if name.endswith(MODEL_SUFFIX) else f"{name}{MODEL_SUFFIX}")
        make_folder(place)
        write_bytes(check_model_output(target), model_bytes(trained))
        return {}


class SinDDMLoadModel:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = "Loads a trained model that SinDDM Save Model or the command sinddm-rs wrote."
    FUNCTION = "load"
    RETURN_TYPES = ("SINDDM_MODEL",)
    RETURN_NAMES = ("model",)
    OUTPUT_TOOLTIPS = ("The trained model.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "name": (
                    model_names(),
                    {"tooltip": "A .safetensors file in models/sinddm, or in output/sinddm where it says [output]."},
                ),
            }
        }

    @classmethod
    def VALIDATE_INPUTS(cls, name: object) -> bool | str:  # noqa: N802 (ComfyUI's name)
        # In place of ComfyUI's own check, which knows only the files of when the page was loaded.
        try:
            find_model(str(name))
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, name: str) -> str:  # noqa: N802 (ComfyUI's name)
        return hashlib.sha256(find_model(name).read_bytes()).hexdigest()

    def load(self, *, name: str) -> tuple[SinDDMModel]:
        with gradients():
            return (load_model(find_model(name)),)


def model_names() -> list[str]:
    """The model files as Load Model offers them."""
    kept = {file for folder in sinddm_folders() for file in _files(folder)}
    return [*sorted(kept), *(f"{file}{OUTPUT_MARK}" for file in sorted(_files(output_folder())))]


def find_model(name: str) -> Path:
    """The file of a name that Load Model offers. Raises InputError for any other."""
    file = name.removesuffix(OUTPUT_MARK)
    folders = sinddm_folders() if file == name else [output_folder()]
    for folder in folders:
        path = inside(folder, file)
        if path.suffix == MODEL_SUFFIX and path.is_file():
            return path
    raise InputError(f"There is no model '{name}'; choose one of the list, or put its file into models/sinddm.")


def _files(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    return {file.name for file in folder.iterdir() if file.suffix == MODEL_SUFFIX and file.is_file()}
