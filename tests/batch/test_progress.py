"""The time that is left."""

from __future__ import annotations

from comfyui_sinddm_rs.batch.jobs import Job
from comfyui_sinddm_rs.batch.layout import Record
from comfyui_sinddm_rs.batch.progress import REMEMBERED, Pace
from comfyui_sinddm_rs.batch.run_job import Outcome


def test_time_left_follows_the_pace(job: Job) -> None:
    pace = Pace(4, 100.0)
    good, bad = Outcome(job, Record("", [], {})), Outcome(job, failure="no")
    assert pace.after(good, 102.0).remaining == 6.0
    later = pace.after(bad, 108.0)
    assert (later.done, later.total, later.failed, later.remaining) == (2, 4, 1, 8.0)


def test_a_change_of_pace_counts_soon(job: Job) -> None:
    pace = Pace(1000, 0.0)
    for second in range(REMEMBERED):
        pace.after(Outcome(job), 100.0 * second)
    for second in range(REMEMBERED + 1):
        told = pace.after(Outcome(job), 100.0 * REMEMBERED + second)
    assert told.remaining == 1000 - told.done
