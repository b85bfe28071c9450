"""Means over seeds, and how far chance reaches around them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % confidence interval, by Student's t over ``count`` seeds; None where one seed tells none."""

    mean: float
    low: float | None
    high: float | None
    count: int

    @property
    def margin(self) -> float | None:
        """Half the width of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2.0


def estimate(values: Iterable[float | None]) -> Estimate | None:
    """Mean and interval of the values that there are and that are finite; None where there is none."""
    from scipy.stats import ttest_1samp  # noqa: PLC0415 (slow to load)

    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    mean = math.fsum(known) / len(known)
    if len(known) == 1:
        return Estimate(mean, None, None, 1)
    # Of values that rounding alone sets apart scipy warns that their spread has lost its precision.
    if math.isclose(max(known), min(known), rel_tol=1e-9, abs_tol=1e-12):
        return Estimate(mean, mean, mean, len(known))
    interval = ttest_1samp(known, 0.0).confidence_interval(LEVEL)
    return Estimate(mean, float(interval.low), float(interval.high), len(known))


def over_seeds(values: Mapping[tuple[str, int], float | None]) -> Estimate | None:
    """The mean over tasks, and its interval over seeds: (task, seed) → value.

    The edits of one seed are not further draws of one number but of different scenes, so each seed gives one value, the
    mean over the tasks, and the interval tells what other seeds would give on these same tasks, not what other scenes
    would. A task that lacks a value for some seed counts for none, so that every seed is judged on the same tasks.
    """
    return estimate(_seed_means(values))


def difference(
    values: Mapping[tuple[str, int], float | None], beside: Mapping[tuple[str, int], float | None]
) -> Estimate | None:
    """The mean of ``values`` less ``beside`` over pairs of the same task and seed, and its interval over seeds."""
    pairs = {
        place: None if value is None or (other := beside[place]) is None else value - other
        for place, value in values.items()
        if place in beside
    }
    return over_seeds(pairs)


def _seed_means(values: Mapping[tuple[str, int], float | None]) -> Sequence[float]:
    seeds = sorted({seed for _, seed in values})
    known = {place: value for place, value in values.items() if value is not None and math.isfinite(value)}
    tasks = dict.fromkeys(task for task, _ in values)
    whole = [task for task in tasks if all((task, seed) in known for seed in seeds)]
    if not whole:
        return list(known.values()) if len(tasks) == 1 else []
    return [math.fsum(known[task, seed] for task in whole) / len(whole) for seed in seeds]
