"""The gate before the model registry: whether a network may take the champion's place. Each check
says its figure and its bound, so that whoever reads the verdict sees why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svhn_lab.evidence.statistics import mcnemar_test, worse_hits_test
from svhn_lab.params import Gate

COMPARISON = "champion"  # the check that is about another network


@dataclass(frozen=True)
class Candidate:
    """What the gate looks at. Accuracies are fractions; `right` (N,) says which of the test digits
    the network gets right, `test_digest` is the md5 of those digits. The calibration error is that
    at its temperature, with which it serves."""

    parameters: int
    test_accuracy: float
    test_interval: tuple[float, float]
    calibration_error: float
    right: NDArray[np.bool_]
    test_digest: str


@dataclass(frozen=True)
class Champion:
    """The network that is registered now: its version, and as of a Candidate."""

    version: int
    right: NDArray[np.bool_]
    test_digest: str


@dataclass(frozen=True)
class Check:
    """One thing that a candidate must satisfy, and whether it does."""

    name: str
    passed: bool
    says: str


def checks(candidate: Candidate, gate: Gate) -> list[Check]:
    """All that the gate asks of the candidate alone."""
    low, high = candidate.test_interval
    return [
        Check(
            "parameters",
            candidate.parameters <= gate.max_parameters,
            f"{candidate.parameters:,} parameters, {gate.max_parameters:,} at most",
        ),
        Check(
            "test_accuracy",
            low >= gate.min_test_accuracy,
            f"test accuracy {candidate.test_accuracy:.2%}, whose 95 % interval {low:.2%} to "
            f"{high:.2%} should lie above {gate.min_test_accuracy:.2%}",
        ),
        Check(
            "calibration",
            candidate.calibration_error <= gate.max_calibration_error,
            f"expected calibration error {candidate.calibration_error:.4f}, "
            f"{gate.max_calibration_error} at most",
        ),
    ]


def no_worse(candidate: Candidate, champion: Champion, level: float) -> Check:
    """Whether the champion is not significantly better: by McNemar's exact one-sided test where
    both were tested on the same images, else by Fisher's on how many each got right."""
    hits, of = (int(each.right.sum()) for each in (candidate, champion))
    if candidate.test_digest == champion.test_digest:
        p = mcnemar_test(candidate.right, champion.right, alternative="less")
        how = "on the same images, McNemar"
    else:
        p = worse_hits_test(hits, len(candidate.right), of, len(champion.right))
        how = "on other images, Fisher"
    return Check(
        COMPARISON,
        p >= level,
        f"{candidate.right.mean():.2%} against {champion.right.mean():.2%} of the champion "
        f"(version {champion.version}); one-sided test that it is worse: p = {p:.3g} ({how}), "
        f"which should be {level} or more",
    )


def first() -> Check:
    """Of a candidate without a champion to compare it with."""
    return Check(COMPARISON, True, "there was no champion to be worse than")


def not_comparable(version: int) -> Check:
    """Of a champion that does not say which test digits it gets right."""
    return Check(
        COMPARISON,
        False,
        f"the champion (version {version}) does not say which test digits it gets right, so that "
        "nothing can be compared; take its alias away to replace it",
    )


def passed(all_checks: Sequence[Check]) -> bool:
    """Whether the candidate may be champion."""
    return all(check.passed for check in all_checks)
