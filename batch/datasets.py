"""Jobs from the folders of published datasets, as their archives unpack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import InputError
from ..guidance.settings import check_prompt
from .jobs import SPLITS, Job, JobList, checked_seeds, job_name
from .labels import READERS

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


@dataclass(frozen=True)
class Labelled:
    """A picture of a dataset, and the label that its region is read from, if there is one."""

    picture: Path
    label: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """A layout of folders. looks: how it looks, in words. reader: of its labels, or "" where none says a region."""

    looks: str
    pictures: Callable[[Path], Iterator[Labelled]]
    reader: str = ""


def dataset_jobs(
    name: str,
    folder: Path,
    prompt: str,
    *,
    seed: int = 0,
    count: int = 1,
    limit: int | None = None,
    split: str = SPLITS[0],
) -> JobList:
    """``count`` edits of each picture of a dataset, of the first ``limit`` ones. Names and regions come from its files.

    Raises InputError for an unknown dataset, a folder of another layout, a prompt, seed or number that cannot be used.
    """
    if name not in DATASETS:
        raise InputError(f"There is no dataset '{name}'; choose one of {', '.join(DATASETS)}.")
    if limit is not None and limit < 1:
        raise InputError(f"A limit of {limit} leaves no picture; choose 1 or more.")
    dataset, text, seeds = DATASETS[name], check_prompt(prompt), checked_seeds(seed, count)
    if not folder.is_dir():
        raise InputError(f"The folder {folder} does not exist; give the one that holds {dataset.looks}.")
    root = folder.resolve()
    skipped: list[Path] = []
    chosen = list(islice(_usable(dataset, root, skipped), limit))
    if not chosen and not skipped:
        raise InputError(f"{folder} is no folder of the dataset {name}; it must hold {dataset.looks}.")
    if not chosen:
        raise InputError(f"No picture of {folder} has a label that marks a place; check that the labels are there.")
    notes = (f"{len(skipped)} pictures of {folder} have no label that marks a place; they are left out.",)
    return JobList(tuple(_jobs(chosen, root, text, seeds, split, dataset.reader)), notes if skipped else ())


def _jobs(chosen: list[Labelled], root: Path, prompt: str, seeds: range, split: str, reader: str) -> Iterator[Job]:
    for number, each in enumerate(chosen, 1):
        image = each.picture.relative_to(root).as_posix()
        roi = "" if each.label is None else each.label.relative_to(root).as_posix()
        for seed in seeds:
            yield Job(job_name(split, number, image, seed), image, prompt, seed, roi, root, reader if roi else "")


def _usable(dataset: Dataset, root: Path, skipped: list[Path]) -> Iterator[Labelled]:
    """Pictures with a region, where the dataset has regions; the others are told in ``skipped``."""
    for each in dataset.pictures(root):
        if not dataset.reader or _marks_a_place(each.label, dataset.reader):
            yield each
        else:
            skipped.append(each.picture)


def _marks_a_place(label: Path | None, reader: str) -> bool:
    """Also true of a label that cannot be read: its job says so, and the others go on."""
    if label is None or not label.is_file():
        return False
    try:
        return bool(READERS[reader](label))
    except InputError:
        return True


def _files(folder: Path, suffixes: tuple[str, ...] = PICTURES, ending: str = "") -> list[Path]:
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.stem.endswith(ending))
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def _parts(root: Path, names: tuple[str, ...]) -> list[Path]:
    """The splits that are there, or the folder itself, as a split of its own."""
    return [root / name for name in names if (root / name).is_dir()] or [root]


def _aid(root: Path) -> Iterator[Labelled]:
    for kind in sorted(path for path in root.iterdir() if path.is_dir()):
        yield from map(Labelled, _files(kind, (".jpg", ".jpeg")))


def _hrsc(root: Path) -> Iterator[Labelled]:
    for name in ("JPEGImages", "AllImages"):
        for path in _files(root / name):
            yield Labelled(path, root / "Annotations" / f"{path.stem}.xml")


def _xbd(root: Path) -> Iterator[Labelled]:
    for part in _parts(root, ("train", "tier3", "test", "hold")):
        for path in _files(part / "images", (".png",), "_pre_disaster"):
            yield Labelled(path, part / "labels" / f"{path.stem}.json")


def _levir(root: Path) -> Iterator[Labelled]:
    for part in _parts(root, SPLITS):
        if (part / "B").is_dir() and (part / "label").is_dir():
            yield from map(Labelled, _files(part / "A", (".png",)))


DATASETS: Mapping[str, Dataset] = {
    "aid": Dataset("Class/*.jpg", _aid),
    "hrsc2016-ms": Dataset("JPEGImages or AllImages, and Annotations/*.xml", _hrsc, "boxes"),
    "xbd": Dataset("train, tier3, test or hold with images/*_pre_disaster.png and labels/*.json", _xbd, "buildings"),
    "levir-cd": Dataset("train, val or test with A/*.png, B and label", _levir),
}
