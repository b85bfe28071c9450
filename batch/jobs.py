"""What a batch is made of: one edit a job, from a list with one picture a line."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, number_text
from ..geo.regions import MAP
from ..guidance.settings import EditSettings, check_prompt, check_seed
from ..rasters.names import is_file
from ..rasters.regions import is_rectangle
from ..version import package_version

COLUMNS = ("image", "prompt", "roi", "seed", "n")
MAX_EDITS = 1000
"""Most edits that one line may ask for."""
SPLITS = ("train", "val", "test")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Job:
    """One edit. name: of its files, without suffix. image, roi: as the list has them, from ``folder`` (absolute).

    roi: "" for all of the picture, a rectangle, or a path. reader: how that path is read, of ``labels.READERS``; "" as
    ``geo.documents.open_document`` reads it.
    """

    name: str
    image: str
    prompt: str
    seed: int
    roi: str
    folder: Path
    reader: str = ""

    @property
    def image_path(self) -> Path:
        return self.folder / self.image

    @property
    def roi_path(self) -> Path | None:
        """The file that the region is read from, if there is one."""
        if not self.roi or is_rectangle(self.roi) or self.roi.startswith(MAP):
            return None
        return self.folder / self.roi

    def digest(self, settings: EditSettings) -> str:
        """SHA-256, hexadecimal, of all that the edit depends on but the pictures' content."""
        chosen = asdict(settings) | {"seed": self.seed}
        whole = [package_version(), self.name, self.image, self.prompt, self.roi, self.reader, chosen]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def as_given(self, message: str) -> str:
        """A message with the paths in it as the list has them."""
        return message.replace(f"{self.folder}/", "").replace(f"{self.folder}\\", "")


@dataclass(frozen=True)
class JobList:
    """Jobs in their order, and sentences for the user about what was left out."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()


def read_jobs(path: Path, split: str = SPLITS[0]) -> JobList:
    """The jobs of a list: .csv, .tsv or .jsonl with image and prompt, and at will roi, seed and n, one picture a line.

    A line makes n edits, with seed, seed + 1, …; its paths begin at the list's folder. An edit that an earlier line
    makes already is left out. Raises InputError, with the line, for a list that cannot be used.
    """
    jobs: dict[tuple[Any, ...], Job] = {}
    notes = []
    for number, (where, row) in enumerate(_rows(path), 1):
        repeated = 0
        for job in _jobs_of(row, number, where, path.parent.resolve(), split):
            known = jobs.setdefault((job.image, job.prompt, job.roi, job.seed), job)
            repeated += known is not job
        if repeated:
            notes.append(f"{where}: {repeated} edits of it are in an earlier line already; they are made once.")
    if not jobs:
        raise InputError(f"The list {path} holds no job; write one picture a line, with {', '.join(COLUMNS)}.")
    if not any(is_file(job.image_path) for job in jobs.values()):
        first = next(iter(jobs.values())).image_path
        raise InputError(
            f"None of the pictures of {path} exists, beginning with {first}; paths begin at the list's folder."
        )
    return JobList(tuple(jobs.values()), tuple(notes))


def job_name(split: str, number: int, image: str, seed: int) -> str:
    """The name of a job's files: never with a separator of paths, and one of its kind by number and seed."""
    stem = re.sub(r"[^\w.-]+", "-", Path(image.replace("\\", "/")).stem).strip("-.")[:40] or "x"
    return f"{split}_{number:06d}_{stem}_s{seed}"


def checked_seeds(seed: int, count: int) -> range:
    """The seeds of ``count`` edits. Raises InputError."""
    if not 1 <= count <= MAX_EDITS:
        raise InputError(f"{number_text(count)} edits of one picture cannot be made; choose 1 to {MAX_EDITS:,}.")
    check_seed(seed)
    check_seed(seed + count - 1)
    return range(seed, seed + count)


def _jobs_of(row: Mapping[str, Any], number: int, where: str, folder: Path, split: str) -> Iterator[Job]:
    try:
        image, roi = _text(row, "image"), _text(row, "roi")
        if not image:
            raise InputError("There is no image; name a picture.")
        prompt = check_prompt(_text(row, "prompt"))
        seeds = checked_seeds(_number(row, "seed", 0), _number(row, "n", 1))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    for seed in seeds:
        yield Job(job_name(split, number, image, seed), image, prompt, seed, roi, folder)


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    if isinstance(value, list) and column == "roi":
        value = ",".join(map(str, value))
    if value is not None and not isinstance(value, str):
        raise InputError(f"The value {value!r} of {column} is no text; write it in quotes.")
    text = (value or "").strip()
    if column != "prompt" and not text.isprintable():
        raise InputError(f"The value {text!r} of {column} holds characters that no path has; correct it.")
    return text


def _number(row: Mapping[str, Any], column: str, default: int) -> int:
    value = row.get(column)
    if value is None or value == "":
        return default
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,19}\s*", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InputError(f"The value {value!r} of {column} is no whole number from 0 up; give one or leave it out.")


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each line's place in words, and its columns."""
    suffix = path.suffix.lower()
    if suffix not in (*DELIMITERS, *JSON_LINES):
        raise InputError(f"The list {path} is of no known kind; let its name end in .csv, .tsv or .jsonl.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            if suffix in JSON_LINES:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield f"{path}, line {number}", _json_row(line, f"{path}, line {number}")
                return
            rows = csv.DictReader(file, delimiter=DELIMITERS[suffix], strict=True)
            _check_columns(rows.fieldnames or (), str(path))
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if None in row:
                    raise InputError(f"{where}: there are more values than columns; put values with commas in quotes.")
                yield where, row
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"The list {path} cannot be read ({error}); give a text file in UTF-8.") from error


def _json_row(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: this is no JSON ({error}); write one object a line.") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: this is no JSON object; write one a line, with {', '.join(COLUMNS)}.")
    _check_columns(tuple(row), where)
    return row


def _check_columns(found: Any, where: str) -> None:
    if not {"image", "prompt"} <= set(found) or not set(found) <= set(COLUMNS):
        raise InputError(
            f"{where} has the columns {', '.join(map(str, found)) or 'none'}; name image and prompt, and at will roi, "
            "seed and n."
        )
