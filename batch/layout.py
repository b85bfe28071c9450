"""The folder of a batch: image pairs with labels, as loaders of change detection read them, and what made them.

    A/NAME.png      before, 8-bit RGB
    B/NAME.png      after
    label/NAME.png  255 where it visibly changed, else 0
    manifest.jsonl  every parameter and score of every pair, one a line
    done/NAME.json  the same of one pair, and what tells whether it is up to date: written last of a pair's files
    failures.csv    what failed last time, and why

Of a GeoTIFF, A, B and label are GeoTIFFs of the whole scene.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..geo.change_mask import write_change_mask
from ..geo.documents import Document, PlainDocument
from ..guidance.results import EditResult
from ..rasters.files import make_folder, write_bytes, write_rgb
from ..rasters.names import is_file
from ..rasters.temporary import PARTIAL, replacing
from .jobs import Job

PAIR = ("A", "B", "label")
DONE, MANIFEST, FAILURES = "done", "manifest.jsonl", "failures.csv"
SUFFIXES = (".png", ".tif")


@dataclass(frozen=True)
class Record:
    """A finished pair. digest: ``Job.digest``. stamps: [size, time] of the source files. manifest: its line there."""

    digest: str
    stamps: list[list[int] | None]
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    def is_current(self, job: Job, digest: str, folder: Path) -> bool:
        """Whether the pair is there, made with these very settings of sources that are as they were then."""
        if digest != self.digest or not all(is_file(folder / self.manifest[kind]) for kind in PAIR):
            return False
        # Sources may be taken away when they are done.
        pairs = zip(stamps(job), self.stamps, strict=True)
        return all(now is None or now == then for now, then in pairs)


def stamps(job: Job) -> list[list[int] | None]:
    """Size and time of the last change of a job's source files; None for one that is not there."""
    found: list[list[int] | None] = []
    for path in (job.image_path, job.roi_path):
        try:
            status = None if path is None else path.stat()
        except OSError:
            status = None
        found.append(None if status is None else [status.st_size, status.st_mtime_ns])
    return found


def make_folders(folder: Path) -> None:
    """Raises OutputError."""
    for name in (*PAIR, DONE):
        make_folder(folder / name)


def write_pair(folder: Path, name: str, document: Document, result: EditResult) -> dict[str, str]:
    """Write A, B and label; their paths from ``folder``. Each file appears whole or not at all. Raises OutputError."""
    plain = isinstance(document, PlainDocument)
    files = {kind: f"{kind}/{name}{SUFFIXES[0] if plain else SUFFIXES[1]}" for kind in PAIR}
    if plain:
        write_rgb(folder / files["A"], document.pixels)
        write_rgb(folder / files["B"], result.image)
    else:
        copy_file(Path(document.source.path), folder / files["A"])  # type: ignore[attr-defined]
        document.write(folder / files["B"], result.image, result.changed)
    write_change_mask(folder / files["label"], document, result.changed)
    return files


def copy_file(source: Path, target: Path) -> None:
    """Copy a file whole or not at all. Raises OutputError."""
    try:
        with replacing(target) as partial:
            shutil.copyfile(source, partial)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror}); choose another place or free some space."
        ) from error


def forget(folder: Path, name: str) -> None:
    """Take away what there is of a pair, its record first."""
    paths = [folder / DONE / f"{name}.json"]
    paths += [folder / kind / f"{name}{suffix}" for kind in PAIR for suffix in (*SUFFIXES, ".tif.aux.xml", ".tif.msk")]
    _remove(paths)


def sweep(folder: Path) -> None:
    """Take away what workers that were killed left half-written; to be called while none is at work."""
    for name in (*PAIR, DONE, "."):
        _remove((folder / name).glob(f"{PARTIAL}*"))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be taken away ({error.strerror}); choose another folder.") from error


def write_record(folder: Path, record: Record) -> None:
    """Raises OutputError."""
    whole = {"digest": record.digest, "stamps": record.stamps, "manifest": record.manifest}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False)
    write_bytes(folder / DONE / f"{record.name}.json", text.encode())


def read_records(folder: Path) -> dict[str, Record]:
    """What is finished, by name; a record that cannot be read counts as none."""
    records = {}
    for path in sorted((folder / DONE).glob("*.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            record = Record(values["digest"], values["stamps"], values["manifest"])
            if record.name == path.stem and all(isinstance(record.manifest[kind], str) for kind in PAIR):
                records[record.name] = record
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            continue
    return records


def pair_names(folder: Path) -> set[str]:
    """Names of which there is any picture."""
    found = (path for kind in PAIR for path in (folder / kind).glob("*") if path.suffix in SUFFIXES)
    return {path.stem for path in found if not path.name.startswith(".")}


def write_manifest(folder: Path, records: Iterable[Record]) -> None:
    """Raises OutputError."""
    lines = (json.dumps(record.manifest, ensure_ascii=False, allow_nan=False) + "\n" for record in records)
    write_bytes(folder / MANIFEST, "".join(lines).encode())


def write_failures(folder: Path, failures: Sequence[tuple[Job, str]]) -> None:
    """The list of what failed; none where nothing did. Raises OutputError."""
    if not failures:
        _remove([folder / FAILURES])
        return
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("name", "image", "prompt", "roi", "seed", "reason"))
    rows.writerows((job.name, job.image, job.prompt, job.roi, job.seed, reason) for job, reason in failures)
    write_bytes(folder / FAILURES, out.getvalue().encode())
