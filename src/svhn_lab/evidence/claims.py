"""Whether what somebody claims holds here. A claim is a range that a difference lies in; it is
upheld or rejected once the range's nearest bound is told from the measured mean, all claims
corrected for together, and not decided until then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from svhn_lab.evidence.statistics import holm, mean_interval, pairs_to_decide, t_test
from svhn_lab.params import Claim

LEVEL = 0.05

Range = tuple[float | None, float | None]  # None where it has no bound


@dataclass(frozen=True)
class Verdict:
    """What was found about a claim, in the unit of its differences."""

    verdict: Literal["upheld", "rejected", "not decided"]
    difference: float  # mean over pairs: seeds, or draws
    interval: tuple[float, float] | None  # 95 % t interval of this one difference
    p_holm: float | None  # of the test against the nearest bound
    seeds: int  # pairs
    # With 80 % power; None if it is decided, if one pair tells no spread, or beyond MAX_PAIRS.
    seeds_to_decide: int | None


def claimed_range(claim: Claim) -> Range:
    """The range that the claim states in percentage points, as fractions."""
    low, high = (None if b is None else b / 100 for b in (claim.at_least, claim.at_most))
    return low, high


def within(bounds: Range, value: float) -> bool:
    """Whether a value lies in the range."""
    low, high = bounds
    return (low is None or value >= low) and (high is None or value <= high)


def judge(
    claims: Mapping[str, Claim], accuracies: Mapping[str, Sequence[float]]
) -> dict[str, Verdict]:
    """The verdict on every claim; `accuracies` (fractions) by arm, seed by seed in the same
    order."""
    return decide(
        {
            name: np.subtract(accuracies[claim.arm], accuracies[claim.reference]).tolist()
            for name, claim in claims.items()
        },
        {name: claimed_range(claim) for name, claim in claims.items()},
    )


def decide(
    differences: Mapping[str, Sequence[float]], ranges: Mapping[str, Range]
) -> dict[str, Verdict]:
    """The verdict on every range that the mean of some independent differences should lie in.

    The p value is that of the two-sided t test that the mean difference is the range's nearest
    bound: inside the range that is the usual two one-sided tests for equivalence (Schuirmann,
    1987) at half the level, outside a test of the claim.
    """
    means = {name: float(np.mean(values)) for name, values in differences.items()}
    bounds = {
        name: min((b for b in ranges[name] if b is not None), key=lambda b: abs(b - means[name]))
        for name in differences
    }
    p_values = {name: t_test(differences[name], bounds[name]) for name in differences}
    tested = [name for name, p in p_values.items() if p is not None]
    corrected = dict(
        zip(tested, holm([p for p in p_values.values() if p is not None]), strict=True)
    )
    verdicts = {}
    for name, values in differences.items():
        p_holm = corrected.get(name)
        decided = p_holm is not None and p_holm < LEVEL
        needed = None
        if p_holm is not None and not decided:
            needed = pairs_to_decide(
                abs(means[name] - bounds[name]),
                float(np.std(values, ddof=1)),
                LEVEL / len(differences),  # enough wherever the claim stands in Holm's order
            )
        verdicts[name] = Verdict(
            verdict="not decided"
            if not decided
            else "upheld"
            if within(ranges[name], means[name])
            else "rejected",
            difference=means[name],
            interval=mean_interval(values),
            p_holm=p_holm,
            seeds=len(values),
            seeds_to_decide=needed,
        )
    return verdicts
