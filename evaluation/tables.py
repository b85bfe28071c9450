"""The tables of a report: records in, rows of text out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .columns import CLIP, COLUMNS, SOURCE_CLIP, Column
from .records import Record
from .statistics import Estimate, difference, over_seeds

ABSENT = "–"


@dataclass(frozen=True)
class Cell:
    """text: a mean. margin: of its interval, "" where that is not known. mark: "up" or "down" where it is certain."""

    text: str = ABSENT
    margin: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Row:
    """A line of a table: what it is about, and its cells."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class PaperRow:
    """A line of Han et al., Table I: CLIP scores of three methods, and the subjective score of the first."""

    ours: float
    stable_diffusion: float
    kandinsky: float
    subjective: float


PAPER = {
    "A fire in the forest": PaperRow(21.38, 19.94, 17.24, 4.50),
    "The bridge is collapsed": PaperRow(22.64, 21.08, 21.26, 4.56),
    "The river is flooding": PaperRow(20.11, 19.38, 19.16, 4.25),
    "The house is damaged": PaperRow(22.76, 21.98, 21.55, 4.65),
    "Cracks on the storage": PaperRow(17.98, 15.48, 15.94, 4.59),
    "Big holes on deck": PaperRow(14.68, 10.83, 11.55, 4.44),
}
"""Printed in arXiv 2405.05769, Table I; by their scoring model and of their pictures."""


@dataclass(frozen=True)
class EventRow:
    """What a scorer says of the events in the edits of one prompt and method, means over scenes and seeds.

    reached: edits in which the event's probability rises from below 0.1 to above 0.6 and no other event rises by more.
    """

    prompt: str
    method: str
    event: str
    before: float
    after: float
    other: str
    other_rise: float
    reached: int
    edits: int


GOAL_BEFORE, GOAL_AFTER = 0.1, 0.6


def by_method(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records that have a picture, by method, in their order."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.failure is None:
            groups.setdefault(record.method, []).append(record)
    return groups


def mean(records: Sequence[Record], column: Column, scorer: str) -> Estimate | None:
    """The mean over tasks and seeds, with its interval over seeds."""
    return over_seeds(_values(records, column, scorer))


def cell(found: Estimate | None, digits: int) -> Cell:
    """An estimate as a cell, with ``digits`` after the decimal point; the empty cell for none."""
    if found is None:
        return Cell()
    margin = "" if found.margin is None else f"±{found.margin:.{digits}f}"
    return Cell(f"{found.mean:.{digits}f}".replace("-", "−"), margin)


def score_cells(records: Sequence[Record], scorer: str) -> tuple[Cell, ...]:
    """A cell for each of COLUMNS."""
    return tuple(cell(mean(records, column, scorer), column.digits) for column in COLUMNS)


def clip_rows(records: Sequence[Record], methods: Sequence[str], scorer: str) -> list[Row]:
    """The CLIP half of the paper's Table I: for each prompt, and all, the source's score and that of each method."""
    prompts = list(dict.fromkeys(record.prompt for record in records))
    ordered = sorted(prompts, key=lambda prompt: list(PAPER).index(prompt) if prompt in PAPER else len(PAPER))
    rows = [Row(prompt, _clip_cells([r for r in records if r.prompt == prompt], methods, scorer)) for prompt in ordered]
    return [*rows, Row("Mean over scenes", _clip_cells(records, methods, scorer))]


def difference_rows(records: Sequence[Record], beside: Mapping[str, str], scorer: str) -> list[Row]:
    """How far each method is from the one that it is to be compared with, over pairs of the same task and seed.

    beside: method → that other one. A difference is marked where its interval does not hold 0.
    """
    groups = by_method(records)
    rows = []
    for method, other in beside.items():
        if method != other and method in groups and other in groups:
            cells = [_difference(groups[method], groups[other], column, scorer) for column in COLUMNS]
            rows.append(Row(f"{method} − {other}", tuple(cells)))
    return rows


def event_rows(records: Sequence[Record], scorer: str) -> list[EventRow]:
    """Of every prompt and method whose edits the scorer tells an event of; none for a scorer that knows no events."""
    groups: dict[tuple[str, str], list[Mapping[str, float | str]]] = {}
    for record in records:
        event = record.scores.get(scorer, {}).get("event")
        if event is not None:
            groups.setdefault((record.prompt, record.method), []).append(event)
    return [_event_row(*place, events) for place, events in groups.items()]


def _values(records: Sequence[Record], column: Column, scorer: str) -> dict[tuple[str, int], float | None]:
    return {(record.task, record.seed): column.value(record, scorer) for record in records}


def _clip_cells(records: Sequence[Record], methods: Sequence[str], scorer: str) -> tuple[Cell, ...]:
    groups = by_method(records)
    known = [record for group in groups.values() for record in group]
    sources = {record.task: record for record in known}.values()
    before = [value for record in sources if (value := SOURCE_CLIP.value(record, scorer)) is not None]
    source = Cell(f"{sum(before) / len(before):.{CLIP.digits}f}") if before else Cell()
    return source, *(cell(mean(groups.get(method, []), CLIP, scorer), CLIP.digits) for method in methods)


def _difference(records: Sequence[Record], others: Sequence[Record], column: Column, scorer: str) -> Cell:
    found = difference(_values(records, column, scorer), _values(others, column, scorer))
    if found is None:
        return Cell()
    shown = round(found.mean, column.digits)
    certain = found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)
    sign, mark = ("+", "up") if shown > 0 else ("", "down")
    plain = cell(replace(found, mean=shown or 0.0), column.digits)  # no −0.00
    return Cell(sign + plain.text, plain.margin, mark if certain and shown else "")


def _event_row(prompt: str, method: str, events: Sequence[Mapping[str, float | str]]) -> EventRow:
    before, after, rises = ([float(each[key]) for each in events] for key in ("before", "after", "other_rise"))
    reached = [
        one < GOAL_BEFORE and two > GOAL_AFTER and two - one >= rise
        for one, two, rise in zip(before, after, rises, strict=True)
    ]
    most = max(range(len(events)), key=rises.__getitem__)
    count = len(events)
    return EventRow(
        prompt,
        method,
        str(events[0]["event"]),
        sum(before) / count,
        sum(after) / count,
        str(events[most]["other"]),
        rises[most],
        sum(reached),
        count,
    )


def scores_csv(records: Sequence[Record], scorers: Sequence[str]) -> str:
    """All scores of every edit that has a picture, a line for each edit and scorer (identity): CSV with a heading."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    about = ("prompt", "scene", "roi", "method", "seed", "scorer")
    events = ("event", "before", "after", "other", "other_rise")
    table.writerow((*about, *(column.key for column in COLUMNS), *(f"event_{name}" for name in events), "key"))
    for record in records:
        for scorer in scorers if record.failure is None else ():
            scores = record.scores[scorer]
            event = scores.get("event") or {}
            numbers = [column.value(record, scorer) for column in COLUMNS]
            told = [getattr(record, name) for name in about[:-1]]
            table.writerow([*told, scores["scorer"], *numbers, *(event.get(name) for name in events), record.key])
    return written.getvalue()
