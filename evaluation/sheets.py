"""Contact sheets: all edits of a task beside each other, a line a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .columns import CLIP, COLUMNS, Column
from .measures import changed_region, diversity
from .pictures import data_uri, edited_pixels, outlines
from .plan import SHIP_FIRE, Task
from .records import Record
from .run import Evaluation, picture_path
from .scenes import Scene, Scenes
from .scorers import Scorer

NOTES = {
    SHIP_FIRE: "The paper's case for prompt ensembling: toward this text alone grass grew on the deck, toward the mean"
    " of its wordings, among them “heavily burning”, the ship burnt. Compare default with no-ensemble, and paper with"
    " paper-no-ensemble."
}


@dataclass(frozen=True)
class Shown:
    """A picture of a sheet as a data URI. scores: what is said of it when it is enlarged, or why there is none."""

    seed: int
    picture: str | None
    clip: str
    scores: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """All edits of one task, seeds of a method side by side. outline: the region's borders as SVG polygons.

    diversity: of each method that has two edits or more.
    """

    prompt: str
    scene: str
    note: str
    source: str
    width: int
    height: int
    outline: Sequence[str]
    lines: Mapping[str, Sequence[Shown]]
    diversity: Mapping[str, float]


def contact_sheets(run: Evaluation) -> list[Sheet]:
    """A sheet for each task that has any picture, in their order.

    Raises InputError for a scene or picture that cannot be read any more.
    """
    scenes = Scenes()
    groups: dict[Task, list[Record]] = {}
    for job, record in zip(run.jobs, run.records, strict=True):
        groups.setdefault(job.task, []).append(record)
    return [
        _sheet(run, task, records, scenes.of(task))
        for task, records in groups.items()
        if any(record.failure is None for record in records)
    ]


def _sheet(run: Evaluation, task: Task, records: Sequence[Record], scene: Scene) -> Sheet:
    lines: dict[str, list[Shown]] = {}
    spread: dict[str, float] = {}
    for method in run.entrants:
        own = [record for record in records if record.method == method]
        edits = {r.key: edited_pixels(picture_path(run.folder, r), scene.raster) for r in own if r.failure is None}
        lines[method] = [_shown(record, edits.get(record.key), run.scorers) for record in own]
        value = _diversity(list(edits.values()), scene)
        if value is not None:
            spread[method] = value
    height, width = scene.raster.size
    return Sheet(
        task.prompt,
        task.scene.name,
        NOTES.get(task.prompt, ""),
        data_uri(scene.raster.pixels),
        width,
        height,
        [] if scene.region is None else outlines(scene.region),
        lines,
        spread,
    )


def _diversity(edits: Sequence[Tensor], scene: Scene) -> float | None:
    if not edits:
        return None
    changed = [changed_region(edit, scene.raster.pixels, scene.region) for edit in edits]
    return diversity(edits, torch.stack(changed).amax(0))


def _shown(record: Record, edit: Tensor | None, scorers: Sequence[Scorer]) -> Shown:
    if edit is None:
        return Shown(record.seed, None, "", str(record.failure), ())
    first = scorers[0].identity
    told = [_told(column, record, first) for column in COLUMNS]
    clip = CLIP.value(record, first)
    return Shown(
        record.seed,
        data_uri(edit),
        "" if clip is None else f"{clip:.{CLIP.digits}f}",
        " · ".join(each for each in told if each),
        tuple(record.warnings),
    )


def _told(column: Column, record: Record, scorer: str) -> str:
    value = column.value(record, scorer)
    return "" if value is None else f"{column.label} {value:.{column.digits}f}"
