"""The work of ``sinddm-rs evaluate``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..evaluation.baselines import DiffusersMethod, load_baseline
from ..evaluation.own_methods import ABLATIONS, OTHER_GUIDE, TRAIN_SECONDS, TrainedModels, own_method
from ..evaluation.plan import Job, Task, bundled_ship_fire, bundled_tasks, make_plan, read_tasks
from ..evaluation.rating_page import RatedEdit, rating_codes, rating_page
from ..evaluation.ratings import RatingSummary, agreement, read_ratings, summarise, summarise_methods
from ..evaluation.report import mean_scores, rated_edits, report_page
from ..evaluation.run import Entrant, RunProgress, run_jobs
from ..evaluation.scorers import load_scorers
from ..evaluation.tables import scores_csv
from ..guidance.checks import checked_device
from ..guidance.settings import EditSettings, check_seed
from ..rasters.files import make_folder, write_bytes
from ..rasters.locks import alone
from .console import say, time_left
from .train import parse_duration

ALL_ABLATIONS = "ablations"
RATING_SEED = 0
"""Of the codes and orders of the rating page; the same page can be read again from the same results."""


def evaluate(chosen: argparse.Namespace) -> dict[str, Any]:
    """Do what the options of ``sinddm-rs evaluate`` ask for; the answer is what the command prints."""
    begun = time.perf_counter()
    check_seed(chosen.seed)
    device = checked_device(chosen.device)
    methods = method_names(chosen.methods, chosen.other_guide is not None)
    tasks = _tasks(chosen)
    seeds = range(chosen.seed, chosen.seed + chosen.seeds)
    folder = Path(chosen.output)
    budget = TRAIN_SECONDS if chosen.train_budget is None else parse_duration(chosen.train_budget)
    models = TrainedModels(folder / "models", budget, device)
    entrants = _own(methods, models, chosen.other_guide) | _baselines(chosen.baseline, device, methods[0])
    scorers = load_scorers(chosen.scorer or [EditSettings.guide], device)
    jobs = make_plan(tasks, list(entrants), seeds)
    # Before the work, which may take hours, not after it.
    ratings, agreed = _ratings(chosen.ratings, jobs)
    make_folder(folder)
    say(f"{len(jobs)} edits: {len(tasks)} scenes with a prompt × {len(entrants)} methods × {len(seeds)} seeds")
    busy = f"Another evaluation is writing to {folder}; wait until it has ended, or give this one another folder."
    with alone(folder, busy):
        found = run_jobs(jobs, entrants, scorers, folder, _say_progress)
        answer: dict[str, Any] = {"report": str(folder / "report.html"), "scores": str(folder / "scores.csv")}
        write_bytes(folder / "report.html", report_page(found, ratings, agreed).encode())
        write_bytes(folder / "scores.csv", scores_csv(found.records, [each.identity for each in scorers]).encode())
        rated = rated_edits(found) if chosen.rating_page else []
        if rated:
            answer["rating_page"] = str(folder / "rating.html")
            write_bytes(folder / "rating.html", rating_page(rated, RATING_SEED).encode())
    for record in found.failed:
        say(f"sinddm-rs: {record.key} failed: {record.failure}")
    return answer | {
        "jobs": len(jobs),
        "failed": [record.key for record in found.failed],
        "mean_scores": {scorer.name: mean_scores(found, scorer) for scorer in scorers},
        "seconds": round(time.perf_counter() - begun, 2),
        "exit_code": int(bool(found.failed)),
    }


def method_names(text: str, other_guide: bool) -> list[str]:
    """The methods of ``--methods``, each once; "ablations" stands for all, and the first one is compared with."""
    names: list[str] = []
    for name in (each.strip() for each in text.split(",")):
        if name == ALL_ABLATIONS:
            names += [*ABLATIONS, *([OTHER_GUIDE] if other_guide else [])]
        elif name:
            names.append(name)
    if not names:
        raise InputError(f"The list of methods is empty; name some of {', '.join(ABLATIONS)}.")
    return list(dict.fromkeys(names))


def _tasks(chosen: argparse.Namespace) -> tuple[Task, ...]:
    if chosen.plan is not None:
        return read_tasks(chosen.plan, chosen.scenes)
    if chosen.scenes is not None:
        raise InputError("A folder of scenes does nothing without a PLAN; write a list of prompts and scenes.")
    with_ship = ALL_ABLATIONS in chosen.methods.split(",")
    return (*bundled_tasks(), bundled_ship_fire()) if with_ship else bundled_tasks()


def _own(names: Sequence[str], models: TrainedModels, other_guide: str | None) -> dict[str, Entrant]:
    methods = [own_method(name, models, other_guide) for name in names]
    return {
        each.name: Entrant(each, each.parameters, each.variant.what, each.variant.beside, each.variant.settings.guide)
        for each in methods
    }


def _baselines(given: Sequence[str], device: str, beside: str) -> dict[str, Entrant]:
    entrants = {}
    for text in given:
        name, _, place = text.partition("=")
        if name in entrants:
            raise InputError(f"The baseline {name} is given twice; leave one of them out.")
        method = load_baseline(name, place or None, device)
        parameters: dict[str, Any] = {"device": device, "place": place}
        what = ""
        if isinstance(method, DiffusersMethod):
            parameters |= {"side": method.side, **method.options}
            what = method.baseline.source
        entrants[name] = Entrant(method, parameters, what, beside)
    return entrants


def _ratings(paths: Sequence[str], jobs: Sequence[Job]) -> tuple[list[RatingSummary], str]:
    """Summaries of the ratings for each prompt and method and for each method, and how far the raters agree."""
    if not paths:
        return [], ""
    edits = [RatedEdit(job.key, job.task.scene, Path(job.key), job.task.prompt, job.method) for job in jobs]
    ratings = read_ratings(paths, rating_codes(edits, RATING_SEED))
    alpha = agreement(ratings)
    fidelity, quality = ("undefined" if each is None else f"{each:.2f}" for each in (alpha.fidelity, alpha.quality))
    agreed = f"Agreement of raters (Krippendorff's alpha): fidelity {fidelity}, quality {quality}."
    return [*summarise(ratings, edits), *summarise_methods(ratings, edits)], agreed


def _say_progress(progress: RunProgress) -> None:
    record = progress.record
    how = "failed" if record.failure is not None else f"{record.seconds:.1f} s"
    what = f"{record.prompt} · {record.scene} · {record.method} · seed {record.seed}"
    say(f"[{progress.done}/{progress.total}] {what}: {how}, {time_left(progress.remaining)} left")
