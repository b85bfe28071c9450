"""What raters answered: read from the files of the rating page, averaged, and how far the raters agree."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np

from ..errors import InputError
from ..rasters.files import PathLike
from .rating_page import RatedEdit
from .statistics import Estimate, estimate

COLUMNS = ("rater", "code", "fidelity", "quality", "seconds")
LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True)
class Rating:
    """What one person said of one edit.

    fidelity, quality  1…5: does it show the text, does it look real
    seconds  how long the screen of the edit was in view, in all; the edits of a screen share it
    """

    rater: str
    key: str
    fidelity: int
    quality: int
    seconds: float

    @property
    def score(self) -> float:
        """The paper's subjective score: the mean of fidelity and quality."""
        return (self.fidelity + self.quality) / 2


@dataclass(frozen=True)
class RatingSummary:
    """The ratings of a method, for one prompt or (``prompt`` None) for all: means and 95 % intervals over the raters.

    score  the mean of fidelity and quality, the paper's subjective score
    """

    prompt: str | None
    method: str
    raters: int
    ratings: int
    fidelity: Estimate
    quality: Estimate
    score: Estimate


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha of the raters: 1 full agreement, 0 as by chance, below 0 contrary.

    None where it is not defined: no edit has two ratings, or all those ratings are the same.
    """

    fidelity: float | None
    quality: float | None


def read_ratings(paths: Sequence[PathLike], codes: Mapping[str, str]) -> list[Rating]:
    """The ratings of all files, in their order. ``codes`` is what `rating_codes` gives for the page that was rated.

    Where pages of several seeds were rated, join their codes. A rating that a person handed in twice counts once;
    if the two differ, nobody but the rater knows which is meant, or two people have one name: InputError. So too:
    a file that cannot be read or has no ratings, other columns, a value outside its range, an unknown code.
    """
    found: dict[tuple[str, str], tuple[Rating, str]] = {}
    for path in paths:
        for place, rating in _rows(Path(path), codes):
            earlier, where = found.get((rating.rater, rating.key), (rating, place))
            if (earlier.fidelity, earlier.quality) != (rating.fidelity, rating.quality):
                raise InputError(
                    f"{place}: {rating.rater} rated this edit differently in {where}; "
                    "keep one of the two lines, or give two people two names."
                )
            found[rating.rater, rating.key] = (rating, place)
    return [rating for rating, _ in found.values()]


def summarise(ratings: Sequence[Rating], edits: Sequence[RatedEdit]) -> list[RatingSummary]:
    """Means for each prompt and method that was rated, in the order of ``edits``.

    The intervals are Student's t over the raters, each rater's own mean counting once, so they speak of other
    raters looking at the same edits; they are cut to the scale. Raters who all say the same give an interval of width
    0, however few they are. Raises InputError for a rating of something that is not among the edits.
    """
    return _summaries(ratings, edits, lambda edit: (edit.prompt, edit.method))


def summarise_methods(ratings: Sequence[Rating], edits: Sequence[RatedEdit]) -> list[RatingSummary]:
    """As `summarise`, for each method over all prompts; fair where every rater saw all methods of a prompt.

    Raises InputError as `summarise`.
    """
    return _summaries(ratings, edits, lambda edit: (None, edit.method))


def agreement(ratings: Sequence[Rating]) -> Agreement:
    """How far the raters agree: Krippendorff's alpha for ordinal data, which allows for edits that some did not rate.

    Krippendorff ("Content Analysis", 2004, p. 241) relies on data from 0.8, and draws tentative conclusions from
    0.667. Computed here, since the package krippendorff is GPL and this project MIT; None where all ratings are equal.
    """
    return Agreement(
        _alpha({(each.rater, each.key): each.fidelity for each in ratings}),
        _alpha({(each.rater, each.key): each.quality for each in ratings}),
    )


def _rows(path: Path, codes: Mapping[str, str]) -> Iterator[tuple[str, Rating]]:
    """The ratings of a file, each with its place for messages."""
    lines = _lines(path)
    number, header = next(lines, (1, []))
    if sorted(header) != sorted(COLUMNS):
        raise InputError(
            f"{path}, line {number}: the columns are {','.join(header) or 'missing'}, not {','.join(COLUMNS)}; "
            "give the file as the rating page made it."
        )
    empty = True
    for number, row in lines:
        empty = False
        place = f"{path}, line {number}"
        if len(row) != len(header):
            raise InputError(f"{place}: there are {len(row)} values, not {len(header)}; give the file as it was made.")
        yield place, _rating(dict(zip(header, row, strict=True)), codes, place)
    if empty:
        raise InputError(f"{path} holds no ratings; leave it out.")


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and values of each line that is not empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; give the file as the rating page made it.") from error
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, [value.strip() for value in row]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: this is not CSV ({error}); correct it.") from error


def _rating(values: Mapping[str, str], codes: Mapping[str, str], place: str) -> Rating:
    if not values["rater"]:
        raise InputError(f"{place}: the rater has no name; write one, the same in all lines of this person.")
    if values["code"] not in codes:
        raise InputError(
            f"{place}: the code '{values['code']}' is not of this rating page; "
            "give the edits and the seed that the page was made with."
        )
    fidelity, quality = (_answer(values[name], name, place) for name in ("fidelity", "quality"))
    return Rating(values["rater"], codes[values["code"]], fidelity, quality, _seconds(values["seconds"], place))


def _answer(text: str, name: str, place: str) -> int:
    if text not in map(str, range(LOWEST, HIGHEST + 1)):
        raise InputError(f"{place}: the {name} is '{text}', not a whole number of {LOWEST} to {HIGHEST}; correct it.")
    return int(text)


def _seconds(text: str, place: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds < math.inf:
        raise InputError(f"{place}: the seconds are '{text}', not a number from 0 on; correct it.")
    return seconds


def _summaries(
    ratings: Sequence[Rating], edits: Sequence[RatedEdit], cell_of: Callable[[RatedEdit], tuple[str | None, str]]
) -> list[RatingSummary]:
    cells = {edit.key: cell_of(edit) for edit in edits}
    groups: dict[tuple[str | None, str], dict[str, list[Rating]]] = {cell: {} for cell in cells.values()}
    for rating in ratings:
        if rating.key not in cells:
            raise InputError(f"'{rating.key}' was rated but is not among the edits; give the edits of the rating page.")
        groups[cells[rating.key]].setdefault(rating.rater, []).append(rating)
    return [_summary(*cell, list(by_rater.values())) for cell, by_rater in groups.items() if by_rater]


def _summary(prompt: str | None, method: str, by_rater: list[list[Rating]]) -> RatingSummary:
    return RatingSummary(
        prompt,
        method,
        raters=len(by_rater),
        ratings=sum(map(len, by_rater)),
        fidelity=_on_the_scale([fmean(each.fidelity for each in own) for own in by_rater]),
        quality=_on_the_scale([fmean(each.quality for each in own) for own in by_rater]),
        score=_on_the_scale([fmean(each.score for each in own) for own in by_rater]),
    )


def _on_the_scale(values: Sequence[float]) -> Estimate:
    """Mean and interval of one value per rater, the interval cut where the scale ends."""
    known = estimate(values)
    assert known is not None
    if known.low is None or known.high is None:
        return known
    return replace(known, low=max(float(LOWEST), known.low), high=min(float(HIGHEST), known.high))


def _alpha(values: Mapping[tuple[str, str], int]) -> float | None:
    """Ordinal alpha of the values of (rater, unit), after Krippendorff (2011), "Computing Krippendorff's Alpha"."""
    units: dict[str, list[int]] = {}
    for (_, unit), value in values.items():
        units.setdefault(unit, []).append(value - LOWEST)
    levels = HIGHEST - LOWEST + 1
    pairs = np.zeros((levels, levels))
    for rated in units.values():
        counts = np.bincount(rated, minlength=levels)
        if len(rated) > 1:  # what one person alone rated has no part in alpha
            pairs += (np.outer(counts, counts) - np.diag(counts)) / (len(rated) - 1)
    marginal = pairs.sum(axis=0)
    # Two values differ by all the ratings between them, those that equal one of the two counted half.
    rank = np.cumsum(marginal) - marginal / 2
    distance = (rank[:, None] - rank[None]) ** 2
    expected = float((np.outer(marginal, marginal) * distance).sum())
    if expected == 0.0:
        return None
    return 1.0 - (float(marginal.sum()) - 1.0) * float((pairs * distance).sum()) / expected
