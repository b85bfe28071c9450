"""``sinddm-rs edit``: the main job."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..geo.bands import parse_rgb
from ..geo.change_mask import check_change_mask, write_change_mask
from ..geo.documents import Document, edit_document, open_for_edit, summary
from ..geo.large import edit_large
from ..geo.regions import region_files
from ..geo.selection import Selection
from ..geo.window import GeoDocument
from ..guidance.report import side_by_side
from ..guidance.results import EditResult
from ..guidance.settings import EXEMPLARS, EditSettings
from ..rasters.files import check_output, read_raster, write_rgb
from ..sinddm.network.model_file import load_model
from .console import progress_bar, say
from .edit_options import add_edit_options, read_settings
from .prompt_options import add_prompt_options, read_ensemble, say_dropped


@dataclass(frozen=True)
class _Outputs:
    """What an edit writes. candidates: empty, report and mask: None, where they are not asked for."""

    picture: Path
    candidates: Sequence[Path]
    report: Path | None
    mask: Path | None

    def check(self, image: str, document: Document, inputs: Sequence[Path]) -> None:
        """Raise OutputError for what cannot be written; to be called before long work."""
        for path in (self.picture, *self.candidates):
            document.check_output(path, inputs)
        if self.report is not None:
            check_output(self.report, inputs=[image, *inputs])
        if self.mask is None:
            return
        check_change_mask(self.mask, document, [Path(image), *inputs])
        # None of these is there yet, so that they are known by their names alone.
        others = (self.picture, *self.candidates, *([] if self.report is None else [self.report]))
        if self.mask.resolve() in [path.resolve() for path in others]:
            raise OutputError(f"The mask {self.mask} is another output too; give it a name of its own.")

    def write(self, document: Document, result: EditResult) -> dict[str, Any]:
        """Write all; what the answer says of it."""
        document.write(self.picture, result.image, result.changed)
        answer: dict[str, Any] = {"output": str(self.picture)}
        if self.candidates:
            for path, candidate in zip(self.candidates, result.candidates, strict=True):
                document.write(path, candidate.image, candidate.changed)
            answer["candidates"] = [str(path) for path in self.candidates]
        if self.report is not None:
            write_rgb(self.report, side_by_side(document.pixels, result.image))
            answer["report"] = str(self.report)
        if self.mask is not None:
            write_change_mask(self.mask, document, result.changed)
            answer["mask"] = str(self.mask)
        return answer


def add_to(commands: Any) -> None:
    parser = commands.add_parser("edit", help="change an image as a text says", description=__doc__)
    parser.add_argument("image", metavar="IMAGE", help="PNG, JPEG, WebP, TIFF or GeoTIFF")
    parser.add_argument("prompt", metavar="PROMPT", help='one sentence, for example "A fire in the forest"')
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="picture to write; the suffix says the format"
    )
    parser.add_argument(
        "--roi",
        metavar="MASK|POLYGONS|x,y,w,h|map:…",
        help="where the image may change: a mask (white) or a rectangle in pixels; of a GeoTIFF also polygons in any "
        "CRS, or map:left,bottom,right,top",
    )
    parser.add_argument(
        "--ignore", metavar="MASK|POLYGONS", help="what of a GeoTIFF has no data, such as clouds; as --roi"
    )
    parser.add_argument("--rgb", metavar="R,G,B", help="bands of a GeoTIFF to see, counted from 1 (its colours)")
    parser.add_argument(
        "--seed",
        type=int,
        default=EditSettings.seed,
        help="another seed gives another place and shape (%(default)s)",
    )
    add_edit_options(parser)
    parser.add_argument("--all", action="store_true", help="write every candidate too, as OUT with its seed")
    parser.add_argument(
        "--report",
        action="store_true",
        help="write source, edit and difference side by side, as OUT_report.png",
    )
    parser.add_argument(
        "--mask-out",
        metavar="MASK",
        help="write where it visibly changed too, 255, else 0: a .png, or of a GeoTIFF a .tif in the same place",
    )
    parser.add_argument("--model", metavar="MODEL", help="a model of the image, made by sinddm-rs train")
    add_prompt_options(parser)
    parser.add_argument("--show-prompts", action="store_true", help="say which prompts steer, and which were dropped")
    parser.add_argument(
        "--exemplars",
        choices=EXEMPLARS,
        default=EditSettings.exemplars,
        help="auto draws the event as further patches (%(default)s)",
    )
    parser.add_argument(
        "--exemplar",
        action="append",
        default=[],
        metavar="IMAGE",
        help="a picture of the event elsewhere; may be repeated",
    )
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    settings = replace(read_settings(chosen), seed=chosen.seed, exemplars=chosen.exemplars)
    rgb = None if chosen.rgb is None else parse_rgb(chosen.rgb)
    document = open_for_edit(Path(chosen.image), chosen.roi, ignore=chosen.ignore, rgb=rgb)
    if isinstance(document, Selection):
        return _edit_in_tiles(chosen, document, settings)
    if chosen.model is not None and chosen.roi is not None and isinstance(document, GeoDocument):
        raise InputError("A model is of the whole picture and of a GeoTIFF only the region is read; leave one out.")
    output = Path(chosen.output)
    inputs = [Path(each) for each in (*chosen.exemplar, chosen.model) if each]
    inputs += region_files(chosen.roi, chosen.ignore)
    others = [_beside(output, f"_seed{settings.seed + i}") for i in range(settings.candidates)] if chosen.all else []
    report = _beside(output, "_report").with_suffix(".png") if chosen.report else None
    outputs = _Outputs(output, others, report, None if chosen.mask_out is None else Path(chosen.mask_out))
    outputs.check(chosen.image, document, inputs)
    exemplars = [read_raster(path).pixels for path in chosen.exemplar]
    model = None if chosen.model is None else load_model(chosen.model)
    prompts = read_ensemble(chosen, chosen.prompt)
    with progress_bar("editing") as progress:
        result = edit_document(
            document,
            chosen.prompt,
            settings=settings,
            exemplar_images=exemplars,
            model=model,
            prompts=prompts,
            progress=progress,
        )
    numbers = summary(document, result)
    for warning in numbers["warnings"]:
        say(f"sinddm-rs: {warning}")
    if chosen.show_prompts:
        for prompt in result.ensemble.prompts:
            say(f"sinddm-rs: prompt '{prompt.text}', weight {prompt.weight:g}")
        say_dropped(result.ensemble)
    return outputs.write(document, result) | numbers


def _edit_in_tiles(chosen: argparse.Namespace, scene: Selection, settings: EditSettings) -> dict[str, Any]:
    if chosen.all or chosen.model or chosen.exemplar or chosen.mask_out:
        raise InputError(
            f"{chosen.image} is edited in tiles, "
            "which --all, --model, --exemplar and --mask-out cannot do; give a smaller --roi."
        )
    report = _beside(Path(chosen.output), "_report").with_suffix(".png") if chosen.report else None
    if report is not None:
        check_output(report, inputs=[chosen.image])
    prompts = read_ensemble(chosen, chosen.prompt)
    with progress_bar("editing") as progress:
        edit = edit_large(
            scene, chosen.prompt, Path(chosen.output), settings=settings, prompts=prompts, progress=progress
        )
    numbers = edit.summary()
    for warning in numbers["warnings"]:
        say(f"sinddm-rs: {warning}")
    if report is not None:
        write_rgb(report, side_by_side(edit.before, edit.plan.image))
    return {"output": chosen.output} | ({} if report is None else {"report": str(report)}) | numbers


def _beside(path: Path, addition: str) -> Path:
    return path.with_name(f"{path.stem}{addition}{path.suffix}")
