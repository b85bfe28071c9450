"""A picture file opened for an edit, plain or on the earth: what an edit sees of it, and how it is written back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ..guidance.bands import BandUnits
from ..guidance.editing import edit_image
from ..guidance.guide import Guide
from ..guidance.prompting.prompts import PromptEnsemble
from ..guidance.results import EditResult, Progress
from ..guidance.settings import EditSettings
from ..rasters.files import check_output, read_raster, write_raster
from ..rasters.raster import Raster
from ..rasters.regions import read_roi
from ..sinddm.network.model import SinDDMModel
from .files import can_edit_on_earth, is_on_earth
from .large import edit_large, needs_tiles
from .regions import region_files
from .selection import Selection, select
from .window import open_selection, open_window


class Document(Protocol):
    """An open picture file. ``pixels``: float [C, H, W] in 0…1 of what an edit sees, red, green and blue first.

    roi: where it may change, [H, W]. valid: where it has data, bool [H, W], None = everywhere. units: what its bands
    are. notes: sentences for the user.
    """

    @property
    def pixels(self) -> Tensor: ...
    @property
    def roi(self) -> Tensor | None: ...
    @property
    def valid(self) -> Tensor | None: ...
    @property
    def units(self) -> BandUnits | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...

    def check_output(self, path: Path, inputs: Sequence[Path] = ()) -> None:
        """Raise OutputError where an edit cannot be written to ``path``; to be called before long work."""

    def write(self, path: Path, image: Tensor, changed: Tensor) -> None:
        """The file with ``image`` [C, H, W] in it where ``changed`` [H, W] is above 0. Raises OutputError."""

    def measured(self, image: Tensor, changed: Tensor) -> dict[str, Any]:
        """What else there is to say of an edit, ready for JSON."""


@dataclass(frozen=True, eq=False)
class PlainDocument:
    """A picture whose file says nothing of the earth; a :class:`Document`."""

    raster: Raster
    roi: Tensor | None
    notes: tuple[str, ...] = ()
    valid: Tensor | None = field(default=None, init=False)
    units: BandUnits | None = field(default=None, init=False)

    @property
    def pixels(self) -> Tensor:
        return self.raster.pixels

    def check_output(self, path: Path, inputs: Sequence[Path] = ()) -> None:
        check_output(path, self.raster, [self.raster.name, *inputs])

    def write(self, path: Path, image: Tensor, changed: Tensor) -> None:
        write_raster(path, image, self.raster, changed > 0)

    def measured(self, image: Tensor, changed: Tensor) -> dict[str, Any]:  # noqa: ARG002 (nothing is known of it)
        return {}


def open_document(
    path: Path, roi: str | None = None, *, ignore: str | None = None, rgb: Sequence[int] | None = None
) -> Document:
    """Open a picture, and its region to edit.

    roi: a mask picture or "x,y,w,h"; of a raster on the earth, all that ``regions.find_region`` takes.
    ignore: what counts as without data there, such as clouds, as ``roi``. rgb: which bands to show, from 1.
    Raises InputError for what cannot be read, MissingPackageError.
    """
    if is_on_earth(path) and can_edit_on_earth():
        return open_window(path, roi, ignore=ignore, rgb=rgb)
    notes: tuple[str, ...] = ()
    if is_on_earth(path):
        notes = (
            f"{path} is a GeoTIFF, read as a plain picture: its place is kept, nodata and masks are not; "
            'pip install "comfyui-sinddm-rs[raster]" reads all.',
        )
    raster = read_raster(path)
    return PlainDocument(raster, None if roi is None else read_roi(roi, raster.size), notes)


def open_for_edit(
    path: Path, roi: str | None = None, *, ignore: str | None = None, rgb: Sequence[int] | None = None
) -> Document | Selection:
    """As ``open_document``; what has to be edited in tiles is not opened, but selected for ``large.edit_large``."""
    if not (is_on_earth(path) and can_edit_on_earth()):
        return open_document(path, roi)
    selection = select(path, roi, ignore=ignore, rgb=rgb)
    return selection if needs_tiles(selection) else open_selection(selection)


def edit_document(
    document: Document,
    text: str,
    *,
    settings: EditSettings | None = None,
    exemplar_images: Sequence[Tensor] = (),
    model: SinDDMModel | None = None,
    guide: Guide | None = None,
    prompts: PromptEnsemble | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> EditResult:
    """``guidance.editing.edit_image`` of an open picture, with all that its file says.

    exemplar_images: float [C, H, W] in 0…1 each. Raises as ``edit_image``.
    """
    return edit_image(
        document.pixels,
        text,
        roi=document.roi,
        settings=settings,
        exemplar_images=exemplar_images,
        model=model,
        guide=guide,
        prompts=prompts,
        valid=document.valid,
        units=document.units,
        progress=progress,
    )


def summary(document: Document, result: EditResult) -> dict[str, Any]:
    """The numbers of an edit of a document, ready for JSON."""
    numbers = result.summary() | document.measured(result.image, result.changed)
    return numbers | {"warnings": [*document.notes, *result.warnings]}


def edit_file(
    path: Path,
    text: str,
    output: Path,
    *,
    roi: str | None = None,
    settings: EditSettings | None = None,
) -> dict[str, Any]:
    """Edit a picture file in one call: PNG, JPEG, WebP, TIFF or GeoTIFF → ``output``; the numbers of the edit.

    roi: as of ``open_document``. Raises as ``open_document`` and ``edit_image``, and OutputError.
    """
    document = open_for_edit(path, roi)
    if isinstance(document, Selection):
        return {"output": str(output)} | edit_large(document, text, output, settings=settings).summary()
    document.check_output(output, region_files(roi))
    with torch.inference_mode(False):
        result = edit_document(document, text, settings=settings)
    document.write(output, result.image, result.changed)
    return {"output": str(output)} | summary(document, result)
