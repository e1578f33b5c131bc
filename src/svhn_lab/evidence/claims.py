"""Whether what the lab report claims holds here. A claim is a range that a difference between two
arms lies in; it is upheld or rejected once the range's nearest bound is told from the measured
mean, all claims corrected for together, and not decided until then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from svhn_lab.evidence.statistics import holm, mean_interval, pairs_to_decide, t_test
from svhn_lab.params import Claim

LEVEL = 0.05


@dataclass(frozen=True)
class Verdict:
    """What was found about a claim; differences are fractions of the test digits."""

    verdict: Literal["upheld", "rejected", "not decided"]
    difference: float  # mean over seeds
    interval: tuple[float, float] | None  # 95 % t interval of this one difference
    p_holm: float | None  # of the test against the nearest bound
    seeds: int
    # With 80 % power; None if it is decided, if one seed tells no spread, or beyond MAX_PAIRS.
    seeds_to_decide: int | None


def within(claim: Claim, difference: float) -> bool:
    """Whether a difference (a fraction) lies in the claimed range (percentage points)."""
    points = 100 * difference
    return (claim.at_least is None or points >= claim.at_least) and (
        claim.at_most is None or points <= claim.at_most
    )


def nearest_bound(claim: Claim, difference: float) -> float:
    """The bound of the range (as a fraction) that lies nearest to a difference."""
    bounds = [bound / 100 for bound in (claim.at_least, claim.at_most) if bound is not None]
    return min(bounds, key=lambda bound: abs(bound - difference))


def judge(
    claims: Mapping[str, Claim], accuracies: Mapping[str, Sequence[float]]
) -> dict[str, Verdict]:
    """The verdict on every claim; `accuracies` by arm, seed by seed in the same order.

    The p value of a claim is that of the two-sided t test that the mean difference is the range's
    nearest bound: inside the range that is the usual two one-sided tests for equivalence
    (Schuirmann, 1987) at half the level, outside a test of the claim.
    """
    differences = {
        name: np.subtract(accuracies[claim.arm], accuracies[claim.reference]).tolist()
        for name, claim in claims.items()
    }
    means = {name: float(np.mean(values)) for name, values in differences.items()}
    bounds = {name: nearest_bound(claim, means[name]) for name, claim in claims.items()}
    p_values = {name: t_test(differences[name], bounds[name]) for name in claims}
    tested = [name for name, p in p_values.items() if p is not None]
    corrected = dict(
        zip(tested, holm([p for p in p_values.values() if p is not None]), strict=True)
    )
    verdicts = {}
    for name, claim in claims.items():
        p_holm = corrected.get(name)
        decided = p_holm is not None and p_holm < LEVEL
        needed = None
        if p_holm is not None and not decided:
            needed = pairs_to_decide(
                abs(means[name] - bounds[name]),
                float(np.std(differences[name], ddof=1)),
                LEVEL / len(claims),  # enough wherever the claim stands in Holm's order
            )
        verdicts[name] = Verdict(
            verdict="not decided"
            if not decided
            else "upheld"
            if within(claim, means[name])
            else "rejected",
            difference=means[name],
            interval=mean_interval(differences[name]),
            p_holm=p_holm,
            seeds=len(differences[name]),
            seeds_to_decide=needed,
        )
    return verdicts
