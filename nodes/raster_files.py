"""GeoTIFFs as nodes: read from ComfyUI's input folder, written to its output folder, nothing lost on the way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..geo.bands import parse_rgb
from ..geo.files import can_edit_on_earth
from ..geo.window import GeoDocument, open_window
from ..geo.writing import SUFFIXES
from ..rasters.files import make_folder
from ..rasters.layout import as_rgb
from ..rasters.names import inside
from .host import input_folder, output_folder, warn
from .types import from_changed_mask, from_raster, one_picture, to_image, to_mask


class SinDDMLoadRaster:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Reads a GeoTIFF of ComfyUI's input folder, or a region of it at full resolution, with all its bands. "
        "Wire the raster into SinDDM Edit by Text, so that all bands are edited together."
    )
    FUNCTION = "load"
    RETURN_TYPES = ("IMAGE", "MASK", "RS_RASTER")
    RETURN_NAMES = ("image", "region", "raster")
    OUTPUT_TOOLTIPS = (
        "What is seen of it: red, green and blue, stretched to 0…1.",
        "Where it may change: 1 in the region and where there is data.",
        "The raster itself, for SinDDM Edit by Text and SinDDM Save Raster.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "file": (raster_names(), {"tooltip": "A .tif or .tiff file in ComfyUI's input folder."}),
                "region": (
                    "STRING",
                    {
                        "default": "",
                        "tooltip": "The part to edit: x,y,w,h in pixels, map:left,bottom,right,top in the raster's "
                        "coordinates, or a mask or GeoJSON of the input folder. Empty: all of it.",
                    },
                ),
                "rgb": (
                    "STRING",
                    {
                        "default": "",
                        "tooltip": "The bands to see as red, green and blue, counted from 1, such as 4,3,2. "
                        "Empty: those that the file calls so.",
                    },
                ),
            },
        }

    @classmethod
    def VALIDATE_INPUTS(cls, file: object) -> bool | str:  # noqa: N802 (ComfyUI's name)
        # In place of ComfyUI's own check, which knows only the files of when the page was loaded.
        try:
            find_raster(str(file))
        except InputError as error:
            return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, file: str, region: str, rgb: str) -> str:  # noqa: N802 (ComfyUI's name)
        stat = find_raster(file).stat()
        return hashlib.sha256(f"{file} {stat.st_mtime_ns} {stat.st_size} {region} {rgb}".encode()).hexdigest()

    def load(self, *, file: str, region: str, rgb: str) -> tuple[Tensor, Tensor, GeoDocument]:
        where = region.strip()
        document = open_window(
            find_raster(file),
            (_beside(where) if where else None),
            rgb=parse_rgb(rgb) if rgb.strip() else None,
        )
        for note in document.notes:
            warn(note)
        may = document.valid.float() if document.roi is None else document.roi * document.valid
        return to_image([as_rgb(document.pixels)]), to_mask([may]), document


class SinDDMSaveRaster:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Writes the GeoTIFF with an edit in it: a copy of the source's file in which only what changed is written, "
        "at the same place on the earth, in ComfyUI's output/sinddm folder."
    )
    FUNCTION = "save"
    OUTPUT_NODE = True
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("What is seen of the edit: red, green and blue.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "raster": ("RS_RASTER", {"tooltip": "The source, from SinDDM Load Raster."}),
                "image": ("IMAGE", {"tooltip": "The edit of it, with all its bands, from SinDDM Edit by Text."}),
                "mask": ("MASK", {"tooltip": "Where it changed, from SinDDM Edit by Text."}),
                "name": (
                    "STRING",
                    {
                        "default": "edited",
                        "tooltip": "Name of the file, without folders. A file of this name is replaced.",
                    },
                ),
            },
        }

    def save(self, *, raster: GeoDocument, image: Tensor, mask: Tensor, name: str) -> tuple[Tensor]:
        document, picture = from_raster(raster), one_picture(image)
        if picture.shape != document.pixels.shape:
            raise InputError(
                f"The input 'image' has {len(picture)} bands of {picture.shape[2]}×{picture.shape[1]} px and the "
                f"raster {len(document.pixels)} of {document.pixels.shape[2]}×{document.pixels.shape[1]} px; "
                "wire the raster into SinDDM Edit by Text too."
            )
        if not bool(torch.isfinite(picture).all()):
            raise InputError("The input 'image' holds NaN or infinite values; wire an edit of the raster.")
        where = from_changed_mask(mask, [picture])[0]
        folder = output_folder()
        inside(folder, name)  # before a suffix can hide what is wrong at its end
        target = inside(folder, name if name.lower().endswith(SUFFIXES) else f"{name}{SUFFIXES[0]}")
        make_folder(folder)
        document.check_output(target)
        document.write(target, picture.clamp(0.0, 1.0), torch.zeros(picture.shape[-2:]) if where is None else where)
        return (to_image([as_rgb(picture)]),)


def raster_names() -> list[str]:
    """The files as Load Raster offers them; none without the extra [raster], which they need."""
    folder = input_folder()
    if not can_edit_on_earth() or not folder.is_dir():
        return []
    return sorted(file.name for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())


def find_raster(name: str) -> Path:
    """The file of a name that Load Raster offers. Raises InputError for any other."""
    path = inside(input_folder(), name)
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return path
    raise InputError(f"There is no raster '{name}'; put the .tif file into ComfyUI's input folder.")


def _beside(region: str) -> str:
    """The region's text; a file's name becomes its path in the input folder."""
    if region.startswith("map:") or not any(character.isalpha() for character in region):
        return region
    path = inside(input_folder(), region)
    if not path.is_file():
        raise InputError(f"There is no file '{region}' in ComfyUI's input folder; write x,y,w,h or put it there.")
    return str(path)
