"""What a user gives to an edit, checked and copied once, at its entry. Every function raises InputError."""

from __future__ import annotations

import torch
from scipy import ndimage
from torch import Tensor

from ..errors import InputError
from ..rasters.layout import as_rgb
from ..rasters.raster import MAX_SIDE, MIN_SIDE
from ..rasters.regions import check_mask
from ..sinddm.fingerprint import fingerprint
from ..sinddm.network.model import SinDDMModel
from ..sinddm.pyramid import size_of
from ..sinddm.value_range import to_signed


def checked_device(name: str) -> str:
    """The name of a torch device that exists here."""
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise InputError(f"The device '{name}' is not available here; choose another, for example cpu.") from error
    return name


def checked_image(image: Tensor, name: str) -> Tensor:
    """A float32 copy on the CPU of an image [C, H, W] in 0…1; ``name`` begins the message."""
    image = image.detach()
    if image.ndim != 3 or len(image) == 0 or not image.is_floating_point():
        raise InputError(
            f"{name} is {image.dtype} {list(image.shape)}; give float values [bands, height, width] in 0…1."
        )
    height, width = image.shape[-2:]
    if min(height, width) < MIN_SIDE or max(height, width) > MAX_SIDE:
        raise InputError(f"{name} is {width}×{height} px; a side may have {MIN_SIDE} to {MAX_SIDE:,} px.")
    if not bool(torch.isfinite(image).all()):
        raise InputError(f"{name} holds NaN or infinite values; fill them with numbers first.")
    if float(image.min()) < 0.0 or float(image.max()) > 1.0:
        raise InputError(f"{name} has values outside 0…1; scale them into it first.")
    if bool((image == image[:, :1, :1]).all()):
        raise InputError(
            f"{name} has one colour only, so there is nothing to learn from; choose a picture with content."
        )
    return image.to("cpu", torch.float32, copy=True)


def checked_exemplar(exemplar: Tensor, source: Tensor) -> Tensor:
    """A copy of an exemplar [C, h, w] in 0…1 with the bands of ``source``."""
    checked = checked_image(exemplar, "The exemplar")
    if checked.shape[0] == source.shape[0]:
        return checked
    if source.shape[0] == 1:
        return as_rgb(checked).mean(0, keepdim=True)
    if source.shape[0] == 3:
        return as_rgb(checked).clone()
    raise InputError(
        f"The exemplar has {checked.shape[0]} bands and the image {source.shape[0]}; give one with the same bands."
    )


def checked_model(model: SinDDMModel, source: Tensor, device: str) -> SinDDMModel:
    """The model on the device, when it has the bands and the resolution of ``source`` [C, H, W]."""
    bands = model.network.channels
    if bands != len(source):
        raise InputError(f"The model has {bands} bands and the image {len(source)}; train one on this image.")
    size = size_of(source)
    if model.size != size and model.origin.source_hash == fingerprint(to_signed(source)):
        raise InputError(
            f"The model knows this image at {model.size[1]}×{model.size[0]} px only, not at {size[1]}×{size[0]};"
            " train one with the fast recipe, or shrink the image."
        )
    return model.to(device)


def checked_region(roi: Tensor, source: Tensor) -> Tensor:
    """A copy of a region [H, W] in 0…1 that selects some of ``source`` and not all of it."""
    if tuple(roi.shape) != tuple(source.shape[-2:]):
        raise InputError(
            f"The region has the shape {list(roi.shape)}, not {list(source.shape[-2:])}; give one of the image's size."
        )
    values = roi.detach().to("cpu", torch.float32, copy=True)
    if not bool(torch.isfinite(values).all()):
        raise InputError("The region holds values that are not finite numbers; give 0…1.")
    return check_mask(values.clamp(0.0, 1.0), "The region")


def checked_valid(valid: Tensor, source: Tensor) -> Tensor | None:
    """Where ``source`` has data, float [H, W] of 0 and 1; None where that is everywhere."""
    if tuple(valid.shape) != tuple(source.shape[-2:]):
        raise InputError(
            f"The map of valid pixels has the shape {list(valid.shape)}, not {list(source.shape[-2:])};"
            " give one of the image's size."
        )
    usable = valid.detach().cpu() > 0
    if not bool(usable.any()):
        raise InputError("The image has no valid pixel: all is nodata or cloud; choose another part of the scene.")
    return None if bool(usable.all()) else usable.float()


def filled(image: Tensor, usable: Tensor) -> Tensor:
    """A copy of ``image`` [C, H, W] where pixels without data (``usable`` [H, W] is 0) look as the nearest with it."""
    nearest = ndimage.distance_transform_edt(usable.numpy() == 0, return_distances=False, return_indices=True)
    rows, columns = torch.from_numpy(nearest)
    return image[:, rows.long(), columns.long()]
