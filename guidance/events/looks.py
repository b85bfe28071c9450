"""How likely a part of a picture is something, by its looks: a logistic regression on a few measures of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

_REACH = 2.5
"""Deviations from the mean beyond which a look counts no more."""


@dataclass(frozen=True)
class Looks:
    """What speaks for something. weights: look → weight, mean and deviation. bent: look → weight of its square."""

    weights: Mapping[str, tuple[float, float, float]]
    start: float
    bent: Mapping[str, float] = field(default_factory=dict)

    def likelihood(self, measured: Mapping[str, float]) -> float:
        """0…1, for a part of which every look was measured."""
        total = self.start
        for name, (weight, mean, deviation) in self.weights.items():
            value = float(np.clip((measured[name] - mean) / deviation, -_REACH, _REACH))
            total += weight * value + self.bent.get(name, 0.0) * value**2
        return float(1.0 / (1.0 + np.exp(-total)))
