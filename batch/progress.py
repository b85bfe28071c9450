"""How far a batch is, and when it will be done."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from .run_job import Outcome

REMEMBERED = 200
"""Jobs whose pace counts: lists hold pictures of different sizes."""


@dataclass(frozen=True)
class BatchProgress:
    """Jobs done of those that were still to do, how many of them failed, the seconds left, and the last outcome."""

    done: int
    total: int
    failed: int
    remaining: float
    outcome: Outcome


class Pace:
    """Counts jobs as they end. begun: time.perf_counter() before the first."""

    def __init__(self, total: int, begun: float) -> None:
        self._total, self._ends = total, deque([begun], REMEMBERED + 1)
        self._done = self._failed = 0

    def after(self, outcome: Outcome, now: float | None = None) -> BatchProgress:
        """One more job has ended."""
        self._done += 1
        self._failed += outcome.failure is not None
        self._ends.append(time.perf_counter() if now is None else now)
        each = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        left = each * (self._total - self._done)
        return BatchProgress(self._done, self._total, self._failed, left, outcome)
