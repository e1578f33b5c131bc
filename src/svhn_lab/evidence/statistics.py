"""How sure one can be of a figure: intervals over repeated runs and over counted hits."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % t interval of the mean of independent values; None for fewer than two, which tell
    nothing of their spread."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(stats.sem(values))
    if error == 0:
        return mean, mean
    low, high = stats.t.interval(CONFIDENCE, len(values) - 1, loc=mean, scale=error)
    return float(low), float(high)


def wilson_interval(num_hits: int, num_trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval (Wilson, 1927) of a proportion."""
    interval = stats.binomtest(num_hits, num_trials).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
