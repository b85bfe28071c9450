"""The report of a run: one HTML page with tables, contact sheets and all pictures inside, that needs no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..guidance.scores import guide_warning
from .columns import COLUMNS, DIVERSITY
from .pictures import bounding_box
from .rating_page import RatedEdit
from .ratings import RatingSummary
from .run import Evaluation, picture_path
from .scenes import Scenes
from .scorers import Scorer
from .sheets import Sheet, contact_sheets
from .tables import (
    PAPER,
    Cell,
    EventRow,
    Row,
    by_method,
    cell,
    clip_rows,
    difference_rows,
    event_rows,
    mean,
    score_cells,
)
from .templates import render

SUBJECTIVE_DIGITS = 2
FEW_SEEDS = 5
"""From so many seeds on Student's factor (2.8) is near enough to that of many (2.0)."""


@dataclass(frozen=True)
class ScorerPart:
    """The tables of one scorer. images: task → its rows, one a method."""

    name: str
    clip: Sequence[Row]
    means: Sequence[Row]
    differences: Sequence[Row]
    events: Sequence[EventRow]
    images: Mapping[str, Sequence[Row]]


def report_page(run: Evaluation, ratings: Sequence[RatingSummary] = (), agreement: str = "") -> str:
    """The page as HTML, to be written as UTF-8.

    ratings: summaries for each prompt and method, and (prompt None) for each method. agreement: of raters, in words.
    """
    sheets, methods = contact_sheets(run), list(run.entrants)
    return render(
        "report.html",
        run=run,
        methods=methods,
        version=run.records[0].version,
        parameters={name: json.dumps(each.parameters, sort_keys=True) for name, each in run.entrants.items()},
        scenes=len({job.task for job in run.jobs}),
        notices=_notices(run),
        parts=[_part(run, each, _mean_diversity(sheets)) for each in run.scorers],
        paper=PAPER,
        columns=(*COLUMNS, DIVERSITY),
        subjective=_subjective(ratings),
        rated=[method for method in methods if any(each.method == method for each in ratings)],
        agreement=agreement,
        absent=Cell(),
        sheets=sheets,
    )


def rated_edits(run: Evaluation) -> list[RatedEdit]:
    """The finished edits, for the rating page. Raises InputError for a scene that cannot be read any more."""
    scenes = Scenes()
    edits = []
    for job, record in zip(run.jobs, run.records, strict=True):
        if record.failure is None:
            region = scenes.of(job.task).region
            box = None if region is None else bounding_box(region)
            edit = picture_path(run.folder, record)
            edits.append(RatedEdit(record.key, job.task.scene, edit, record.prompt, record.method, box))
    return edits


def mean_scores(run: Evaluation, scorer: Scorer) -> dict[str, dict[str, float | None]]:
    """Method → score → mean over tasks and seeds, ready for JSON."""
    found = {
        method: {column: mean(records, column, scorer.identity) for column in COLUMNS}
        for method, records in by_method(run.records).items()
    }
    return {
        method: {column.key: None if each is None else round(each.mean, column.digits) for column, each in own.items()}
        for method, own in found.items()
    }


def _notices(run: Evaluation) -> list[str]:
    told = (
        guide_warning(scorer.name, each.guide) for scorer in run.scorers for each in run.entrants.values() if each.guide
    )
    few = (
        f"{len(run.seeds)} seeds hardly tell how far chance reaches, so the intervals are very wide; run {FEW_SEEDS} or"
        " more to compare methods (what is done stays)."
    )
    return [*dict.fromkeys(notice for notice in told if notice), *([few] if 1 < len(run.seeds) < FEW_SEEDS else [])]


def _part(run: Evaluation, scorer: Scorer, spread: Mapping[str, Cell]) -> ScorerPart:
    groups = by_method(run.records)
    images: dict[str, list[Row]] = {}
    for task in dict.fromkeys(record.task for record in run.records):
        own = by_method(record for record in run.records if record.task == task)
        images[task] = [Row(method, score_cells(records, scorer.identity)) for method, records in own.items()]
    return ScorerPart(
        scorer.name,
        clip_rows(run.records, list(run.entrants), scorer.identity),
        [
            Row(method, (*score_cells(records, scorer.identity), spread.get(method, Cell())))
            for method, records in groups.items()
        ],
        difference_rows(run.records, {name: each.beside for name, each in run.entrants.items()}, scorer.identity),
        event_rows(run.records, scorer.identity),
        images,
    )


def _subjective(ratings: Sequence[RatingSummary]) -> dict[tuple[str | None, str], Cell]:
    return {(each.prompt, each.method): cell(each.score, SUBJECTIVE_DIGITS) for each in ratings}


def _mean_diversity(sheets: Sequence[Sheet]) -> dict[str, Cell]:
    """Of each method, over the tasks; an interval over seeds there is none, as pairs of seeds share them."""
    found: dict[str, list[float]] = {}
    for sheet in sheets:
        for method, value in sheet.diversity.items():
            found.setdefault(method, []).append(value)
    return {method: Cell(f"{sum(each) / len(each):.{DIVERSITY.digits}f}") for method, each in found.items()}
