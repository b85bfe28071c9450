"""The runner: every job of a plan edited, scored and kept; what is done already is not done again."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from ..errors import InputError, OutputError, SinDDMError
from ..rasters.files import make_folder, write_raster
from .code import SCORING, code_digest
from .method import Method
from .own_methods import EditWarning
from .plan import Job
from .records import Record, new_record, read_record, settings_digest, write_record
from .scenes import Scene, Scenes
from .scorers import Scorer
from .scoring import scored

RESULTS = "results"


@runtime_checkable
class Prepares(Protocol):
    """A method that has something to do for a scene, before its edits are timed."""

    def prepare(self, image: Tensor, request: str) -> None:
        """image: float [C, H, W] in 0…1."""
        ...


@dataclass(frozen=True)
class Entrant:
    """A method in a run. parameters: all that its edits depend on, ready for JSON. what: the method in words.

    beside: name of the method that it is compared with. guide: what steers it, by name or file, where that is known.
    """

    method: Method
    parameters: Mapping[str, Any]
    what: str = ""
    beside: str = ""
    guide: str = ""


@dataclass(frozen=True)
class RunProgress:
    """Jobs done of those that were still to do, the seconds that the others will take, and the last one's record."""

    done: int
    total: int
    remaining: float
    record: Record


@dataclass(frozen=True)
class Evaluation:
    """A finished run. records: one a job, in the order of the jobs. folder: the run's."""

    jobs: Sequence[Job]
    records: Sequence[Record]
    entrants: Mapping[str, Entrant]
    scorers: Sequence[Scorer]
    folder: Path

    @property
    def seeds(self) -> list[int]:
        """The seeds of all jobs, sorted."""
        return sorted({job.seed for job in self.jobs})

    @property
    def failed(self) -> list[Record]:
        """The records of jobs that left no picture."""
        return [record for record in self.records if record.failure is not None]


def run_jobs(
    jobs: Sequence[Job],
    entrants: Mapping[str, Entrant],
    scorers: Sequence[Scorer],
    folder: Path,
    tell: Callable[[RunProgress], None] | None = None,
) -> Evaluation:
    """Every job's record: read where it was made with the same settings, else made now.

    entrants: name of a method → the method. folder: the run's; each job has a folder below ``results`` in it, with its
    picture and record.json. A new scorer scores the pictures that are there. A job that fails leaves a record that says
    why, and is tried again by the next run. Raises OutputError where results cannot be written.
    """
    scenes = Scenes()
    records = {job: _finished(job, entrants[job.method], scorers, folder, scenes) for job in jobs}
    pending = [job for job, record in records.items() if record is None]
    begun = time.perf_counter()
    for done, job in enumerate(pending, 1):
        record = records[job] = _do(job, entrants[job.method], scorers, folder, scenes)
        if tell is not None:
            seconds = (time.perf_counter() - begun) / done * (len(pending) - done)
            tell(RunProgress(done, len(pending), seconds, record))
    made = [record for record in records.values() if record is not None]
    return Evaluation(list(records), made, entrants, scorers, folder)


def picture_path(folder: Path, record: Record) -> Path:
    """Where the picture of a record is; folder: the run's. Raises InputError for a record without a picture."""
    if record.picture is None:
        raise InputError(f"{record.key} has no picture ({record.failure}); run it again.")
    return folder / RESULTS / record.key / record.picture


def _finished(job: Job, entrant: Entrant, scorers: Sequence[Scorer], folder: Path, scenes: Scenes) -> Record | None:
    record = _made_before(job, entrant, folder, scenes)
    if record is None or record.scoring != code_digest(SCORING):
        return None
    return record if all(each.identity in record.scores for each in scorers) else None


def _made_before(job: Job, entrant: Entrant, folder: Path, scenes: Scenes) -> Record | None:
    """The record of a picture that is there and was made with the very settings of the job."""
    record = read_record(folder / RESULTS / job.key)
    if record is None or record.failure is not None or not picture_path(folder, record).is_file():
        return None
    try:
        scene = scenes.of(job.task)
    except InputError:  # which the job itself will report
        return None
    same = record.settings == settings_digest(job, entrant.parameters, scene.fingerprints)
    return record if same else None


def _do(job: Job, entrant: Entrant, scorers: Sequence[Scorer], folder: Path, scenes: Scenes) -> Record:
    place = make_folder(folder / RESULTS / job.key)
    try:
        record = _made_before(job, entrant, folder, scenes)
        if record is None:
            record = _edit(job, entrant, scenes.of(job.task), place)
            write_record(place, record)  # an edit whose scoring is interrupted is not made again
        record = scored(record, scorers, scenes.of(job.task), place)
    except OutputError:
        raise
    except SinDDMError as error:
        record = replace(new_record(job, entrant.parameters, ""), failure=str(error))
    except Exception as error:  # others' pipelines fail in ways of their own, and hours of other jobs may follow
        reason = next(iter(str(error).splitlines()), "")[:200]
        sentence = f"{job.method} failed with {type(error).__name__} ({reason}); run it again or leave it out."
        record = replace(new_record(job, entrant.parameters, ""), failure=sentence)
    write_record(place, record)
    return record


def _edit(job: Job, entrant: Entrant, scene: Scene, place: Path) -> Record:
    """Make the edit and write its picture."""
    pixels, prompt = scene.raster.pixels, job.task.prompt
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EditWarning)
        if isinstance(entrant.method, Prepares):
            entrant.method.prepare(pixels, prompt)
        begun = time.perf_counter()
        edited = entrant.method.edit(pixels, prompt, scene.region, job.seed)
        seconds = time.perf_counter() - begun
    told = tuple(dict.fromkeys(str(each.message) for each in caught if issubclass(each.category, EditWarning)))
    picture = f"edit{scene.suffix}"
    write_raster(place / picture, edited, scene.raster)
    settings = settings_digest(job, entrant.parameters, scene.fingerprints)
    record = new_record(job, entrant.parameters, settings)
    return replace(record, seconds=round(seconds, 3), picture=picture, warnings=told)
