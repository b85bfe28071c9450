"""What a run is made of: a list of tasks (scene, prompt, region), and a job for each task, method and seed."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..guidance.settings import check_prompt
from ..rasters.bundled import roi_path, scene_path
from ..rasters.files import PathLike
from ..rasters.names import is_file
from ..rasters.regions import is_rectangle

MAX_SEEDS = 1000
COLUMNS = ("prompt", "scene", "roi")
SHIP_FIRE = "Large fire on a ship"
"""The paper's case for prompt ensembling: the single prompt made grass grow on the deck."""
_BUNDLED = (
    ("A fire in the forest", "forest", False),
    ("A fire in the forest", "meadow", False),
    ("The bridge is collapsed", "bridge", False),
    ("The river is flooding", "river", False),
    ("The house is damaged", "house", True),
    ("Cracks on the storage", "tanks", True),
    ("Big holes on deck", "ship", True),
)
"""Prompt, example scene, and whether the scene's suggested region is to be edited."""


@dataclass(frozen=True)
class Task:
    """One line of a list. roi: "" for the whole picture, "x,y,w,h" in pixels, or the path of a mask."""

    scene: Path
    prompt: str
    roi: str = ""

    @property
    def region(self) -> str:
        """The region as results and tables call it, wherever its mask lies: "", "x,y,w,h" or the mask's file name."""
        return Path(self.roi).name


@dataclass(frozen=True)
class Job:
    """One edit to make: a task, the name of a method, and a seed."""

    task: Task
    method: str
    seed: int

    @property
    def key(self) -> str:
        """The name of the folder of its results: what it is in words, and a digest that tells it from every other."""
        whole = "\0".join((self.task.scene.name, self.task.prompt, self.task.region, self.method, str(self.seed)))
        digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
        words = (self.task.scene.stem, self.task.prompt, self.method)
        return "-".join((*(_slug(each) for each in words), f"s{self.seed}", digest))


def read_tasks(path: PathLike, scenes: PathLike | None = None) -> tuple[Task, ...]:
    """The tasks of a list: a text file with the columns prompt, scene and, at will, roi, as benchmarks/six_prompts.tsv.

    Columns are parted by tabs, in a .csv by commas. scenes: the folder that scenes and masks lie in; without it that of
    the list. Raises InputError, with the line, for a list that cannot be read, an empty one, a prompt or scene that is
    missing, and two scenes of one name.
    """
    source = Path(path)
    folder = source.parent if scenes is None else Path(scenes)
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            delimiter = "," if source.suffix.lower() == ".csv" else "\t"
            rows = csv.DictReader(file, delimiter=delimiter, strict=True)
            columns = tuple(rows.fieldnames or ())
            if not {"prompt", "scene"} <= set(columns):
                raise InputError(
                    f"The list {source} has the columns {', '.join(columns) or 'none'}; name {', '.join(COLUMNS)} in"
                    " its first line, parted by tabs, or by commas in a .csv."
                )
            tasks = [_task(row, folder, f"{source}, line {rows.line_num}") for row in rows]
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"The list {source} cannot be read ({error}); give a text file in UTF-8.") from error
    if not tasks:
        raise InputError(f"The list {source} holds no task; write one a line, with {', '.join(COLUMNS)}.")
    _check_names(tasks)
    return tuple(dict.fromkeys(tasks))


def bundled_tasks() -> tuple[Task, ...]:
    """The paper's six prompts over the scenes that come with the package."""
    return tuple(_bundled(*each) for each in _BUNDLED)


def bundled_ship_fire() -> Task:
    """The paper's case of the burning ship, over an example scene: its region is the deck for helicopters."""
    return _bundled(SHIP_FIRE, "ship", True)


def make_plan(tasks: Iterable[Task], methods: Sequence[str], seeds: Sequence[int]) -> tuple[Job, ...]:
    """A job for each task, seed and method, methods innermost, so that an unfinished run compares them all the same.

    Raises InputError for more than MAX_SEEDS or no seeds.
    """
    if not 1 <= len(seeds) <= MAX_SEEDS:
        raise InputError(f"{len(seeds)} seeds cannot be run; choose 1 to {MAX_SEEDS:,}.")
    return tuple(Job(task, method, seed) for task in tasks for seed in seeds for method in methods)


def _task(row: Mapping[str, str | None], folder: Path, where: str) -> Task:
    prompt, scene, roi = ((row.get(column) or "").strip() for column in COLUMNS)
    if not scene:
        raise InputError(f"{where}: there is no scene; name a picture in {folder}.")
    try:
        prompt = check_prompt(prompt)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if not is_file(folder / scene):
        raise InputError(f"{where}: there is no scene {folder / scene}; say with --scenes where they are.")
    if roi and not is_rectangle(roi):
        if not is_file(folder / roi):
            raise InputError(f"{where}: there is no mask {folder / roi}; give one, or x,y,w,h in pixels.")
        roi = str(folder / roi)
    return Task(folder / scene, prompt, roi)


def _check_names(tasks: Sequence[Task]) -> None:
    """Results and tables know scenes and masks by their names."""
    known: dict[str, Path] = {}
    masks = [Path(task.roi) for task in tasks if task.roi and not is_rectangle(task.roi)]
    for path in (*(task.scene for task in tasks), *masks):
        other = known.setdefault(path.name, path)
        if other.resolve() != path.resolve():
            raise InputError(f"{other} and {path} have the same name; rename one of them.")


def _bundled(prompt: str, scene: str, in_region: bool) -> Task:
    roi = roi_path(scene) if in_region else None
    return Task(scene_path(scene), prompt, "" if roi is None else str(roi))


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-.")[:40] or "x"
