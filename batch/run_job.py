"""One job from its picture to its files: what every engine has its workers do."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import OutputError, SinDDMError
from ..geo.documents import edit_document, summary
from ..guidance.settings import EditSettings
from ..rasters.memory import ADVICE, is_out_of_memory
from ..version import package_version
from .jobs import Job
from .layout import Record, forget, stamps, write_pair, write_record
from .pictures import open_picture


@dataclass(frozen=True)
class Outcome:
    """How a job ended: with a record, or with the reason why it has none."""

    job: Job
    record: Record | None = None
    failure: str | None = None


Outcomes = Generator[Outcome, None, None]


def run_job(job: Job, settings: EditSettings, folder: Path) -> Outcome:
    """Edit, write the pair and its record below ``folder``. A job that fails leaves no file, and does not raise."""
    try:
        return Outcome(job, _run(job, settings, folder))
    except SinDDMError as error:
        reason = job.as_given(str(error))
    except Exception as error:  # hours of other jobs may follow
        if is_out_of_memory(error):
            return _failed(job, folder, ADVICE)
        told = next(iter(str(error).splitlines()), "")[:200]
        reason = job.as_given(f"The edit failed with {type(error).__name__} ({told}); report it with the picture.")
    return _failed(job, folder, reason)


def _failed(job: Job, folder: Path, reason: str) -> Outcome:
    try:
        forget(folder, job.name)
    except OutputError as error:
        reason += f" {error}"
    return Outcome(job, failure=reason)


def run_on_one_thread(job: Job, settings: EditSettings, folder: Path) -> Outcome:
    """``run_job`` in a worker's process: as many workers as cores need no further threads, and bytes depend on them."""
    torch.set_num_threads(1)
    return run_job(job, settings, folder)


def _run(job: Job, settings: EditSettings, folder: Path) -> Record:
    sources = stamps(job)
    document = open_picture(job)
    result = edit_document(document, job.prompt, settings=replace(settings, seed=job.seed))
    found = summary(document, result)
    files = write_pair(folder, job.name, document, result)
    record = Record(job.digest(settings), sources, _manifest(job, settings, found, files))
    write_record(folder, record)
    return record


def _manifest(job: Job, settings: EditSettings, found: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
    """The line of the manifest. What was measured follows what was chosen."""
    guide = Path(settings.guide).name if Path(settings.guide).is_absolute() else settings.guide
    chosen = {
        "name": job.name,
        "image": job.image,
        "prompt": job.prompt,
        "roi": job.roi,
        "seed": job.seed,
        "strength": settings.strength,
        "candidates": settings.candidates,
        "preset": settings.preset,
        "guide": guide,
        "device": settings.device,
        "version": package_version(),
    }
    measured = {
        "changed_share": found["changed_share"],
        "score_before": found["score_before"],
        "score_after": found["score_after"],
        "kept_seed": found["seed"],
        "exemplars": found["exemplars"],
        "painted": found["painted"],
        "prompts": found["prompts"],
        "model": found["model"],
    }
    where = {name: found[name] for name in ("window", "indices") if name in found}
    warnings = [job.as_given(each) for each in found["warnings"]]
    return chosen | files | measured | where | {"warnings": warnings, "seconds": found["seconds"]}
