"""What a run keeps of each edit: its picture, and beside it a record of how it was made and scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any

from ..rasters.files import write_bytes
from ..rasters.names import inside
from ..version import package_version
from .plan import Job

RECORD = "record.json"
_KINDS: Mapping[str, tuple[type, ...]] = {
    "seed": (int,),
    "seconds": (int, float),
    "parameters": (dict,),
    "measures": (dict,),
    "scores": (dict,),
    "warnings": (tuple,),
    "picture": (str, NoneType),
    "failure": (str, NoneType),
}
"""What a field of a record holds, where that is no text."""


@dataclass(frozen=True)
class Record:
    """One job's result, as record.json holds it.

    settings: a digest of all that the picture depends on (``settings_digest``). parameters: of the method.
    picture: file name beside the record. scoring: digest of the code that scored it. measures: what needs no guide;
    scores: scorer's identity → its scores.
    warnings: sentences of the edit. failure: why there is no picture.
    """

    key: str
    scene: str
    prompt: str
    roi: str
    method: str
    seed: int
    version: str
    settings: str
    parameters: Mapping[str, Any]
    seconds: float = 0.0
    picture: str | None = None
    scoring: str = ""
    measures: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def task(self) -> str:
        """What the edits of all methods and seeds have in common, in words that tell it from every other task."""
        return f"{self.prompt} · {self.scene}" + (f" · {self.roi}" if self.roi else "")


def new_record(job: Job, parameters: Mapping[str, Any], settings: str) -> Record:
    """The record of a job before it is done. settings: ``settings_digest``, or "" where its scene cannot be read."""
    task = job.task
    return Record(
        job.key,
        task.scene.name,
        task.prompt,
        task.region,
        job.method,
        job.seed,
        package_version(),
        settings,
        parameters,
    )


def settings_digest(job: Job, parameters: Mapping[str, Any], pictures: Sequence[str]) -> str:
    """SHA-256, hexadecimal, of what an edit depends on: prompt, seed, method, version of the package, and pictures.

    pictures: fingerprints of the scene and of its region, if it has one.
    """
    whole = [package_version(), job.task.prompt, job.method, job.seed, dict(parameters), *pictures]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def write_record(folder: Path, record: Record) -> None:
    """Write the record into the folder of its results, whole or not at all. Raises OutputError."""
    text = json.dumps(asdict(record), indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(folder / RECORD, text.encode())


def read_record(folder: Path) -> Record | None:
    """The record in the folder; None where there is none, or one that another version wrote or that is damaged."""
    try:
        values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        record = Record(**(values | {"warnings": tuple(values["warnings"])}))
        if not all(isinstance(getattr(record, each.name), _KINDS.get(each.name, str)) for each in fields(Record)):
            return None
        if record.picture is not None:
            inside(folder, record.picture)
        return record
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
