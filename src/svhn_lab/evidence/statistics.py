"""How sure one can be of a figure, and of a difference between two: intervals over repeated runs
and over counted hits, paired tests, correction for many of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
POWER = 0.8
MAX_PAIRS = 10_000
NO_SPREAD = 1e-12  # a standard error of rounding errors
SIGN_FLIPS = 2**15  # all of them up to 15 pairs, so many drawn at random beyond


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % t interval of the mean of independent values; None for fewer than two, or when all
    are the same: neither tells anything of their spread (see `t_test`)."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(stats.sem(values))
    if error < NO_SPREAD:
        return None
    low, high = stats.t.interval(CONFIDENCE, len(values) - 1, loc=mean, scale=error)
    return float(low), float(high)


def wilson_interval(num_hits: int, num_trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval (Wilson, 1927) of a proportion."""
    interval = stats.binomtest(num_hits, num_trials).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def t_test(differences: Sequence[float], mean: float = 0) -> float | None:
    """The two-sided p value of the t test that independent differences have this mean; None for
    fewer than two of them, or when all are the same: accuracies on few digits can be, and that
    is no proof that others would be."""
    if len(differences) < 2:
        return None
    deviations = np.subtract(differences, mean)
    error = float(stats.sem(deviations))
    if error < NO_SPREAD:
        return None
    return float(2 * stats.t.sf(abs(deviations.mean()) / error, len(deviations) - 1))


def sign_flip_test(differences: Sequence[float]) -> float | None:
    """The two-sided p value of Fisher's randomisation test on paired differences: how often the
    mean is as far from 0 when every sign is left to chance. It takes no distribution for granted;
    of n pairs it cannot be less than 2 / 2^n. None for fewer than two."""
    if len(differences) < 2:
        return None
    result = stats.permutation_test(
        (np.asarray(differences),),
        np.mean,
        permutation_type="samples",
        n_resamples=SIGN_FLIPS,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def mcnemar_test(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    alternative: Literal["two-sided", "less"] = "two-sided",
) -> float:
    """The p value of McNemar's exact test that two networks are right equally often: of the images
    that only one gets right, each then gets half. `first` and `second` (N,) say which of the same
    images each gets right; against `less`, the first is right as often or more often."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return 1.0
    test = stats.binomtest(only_first, only_first + only_second, alternative=alternative)
    return float(test.pvalue)


def worse_hits_test(hits: int, trials: int, other_hits: int, other_trials: int) -> float:
    """The one-sided p value of Fisher's exact test that the first proportion is no smaller than
    the other, of trials that have nothing to do with each other."""
    table = [[hits, trials - hits], [other_hits, other_trials - other_hits]]
    return float(stats.fisher_exact(table, alternative="less").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values, corrected for their number (Holm, 1979): that any true null hypothesis falls
    below a level is no likelier than the level."""
    count = len(p_values)
    adjusted = [0.0] * count
    highest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


@dataclass(frozen=True)
class PairedDifference:
    """A mean of paired differences, its 95 % t interval, and the p values of the t test and of the
    sign-flip test that it is 0. A single pair has neither interval nor p value."""

    mean: float
    interval: tuple[float, float] | None
    p_t: float | None
    p_sign_flip: float | None


def paired_difference(values: Sequence[float], reference: Sequence[float]) -> PairedDifference:
    """Of `values` over `reference`, pair by pair. Raises ValueError if they are not as many."""
    differences = [a - b for a, b in zip(values, reference, strict=True)]
    return PairedDifference(
        mean=float(np.mean(differences)),
        interval=mean_interval(differences),
        p_t=t_test(differences),
        p_sign_flip=sign_flip_test(differences),
    )


def pairs_to_decide(distance: float, deviation: float, level: float) -> int | None:
    """The smallest number of pairs at which the two-sided t test, at `level`, tells a mean from a
    bound so far away with 80 % power, for differences of this standard deviation (noncentral t
    distribution; Cohen, 1988, chapter 2). None if it takes more than MAX_PAIRS.

    What has been measured is taken for the truth: so many it takes if the next pairs are like
    these.
    """

    def power(pairs: int) -> float:
        critical = float(stats.t.isf(level / 2, pairs - 1))
        return float(stats.nct.sf(critical, pairs - 1, distance / deviation * math.sqrt(pairs)))

    low, high = 1, 2
    while power(high) < POWER:
        if high >= MAX_PAIRS:
            return None
        low, high = high, min(2 * high, MAX_PAIRS)
    while high - low > 1:  # power grows with the number
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high
