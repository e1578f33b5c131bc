"""Whether an explanation holds: it expects several quantities to be above zero, each measured once
per draw or repeat, and each is tested."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from svhn_lab.evidence.claims import decide


@dataclass(frozen=True)
class Expectation:
    """A quantity that should be above zero if the explanation is right."""

    says: str
    values: Sequence[float]  # independent ones
    unit: str  # "points" if the values are fractions of digits; else what they are


@dataclass(frozen=True)
class Explanation:
    """A sentence, and what should be above zero if it is right."""

    says: str
    expects: Mapping[str, Expectation]


def explained(explanations: Mapping[str, Explanation]) -> dict[str, dict[str, Any]]:
    """By explanation, the verdict on it and on each expectation, all corrected for together.

    An explanation `holds` if each of its expectations is upheld, `does not hold` if any is
    rejected, and is `not decided` otherwise.
    """
    expected = {
        f"{name}/{key}": expectation
        for name, explanation in explanations.items()
        for key, expectation in explanation.expects.items()
    }
    verdicts = decide(
        {key: each.values for key, each in expected.items()}, dict.fromkeys(expected, (0, None))
    )
    found = {}
    for name, explanation in explanations.items():
        tests = {
            key: {"says": each.says, "unit": each.unit, **asdict(verdicts[f"{name}/{key}"])}
            for key, each in explanation.expects.items()
        }
        outcomes = {test["verdict"] for test in tests.values()}
        found[name] = {
            "says": explanation.says,
            "verdict": "does not hold"
            if "rejected" in outcomes
            else "holds"
            if outcomes == {"upheld"}
            else "not decided",
            "tests": tests,
        }
    return found


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The slope of the least-squares line through the points."""
    return float(np.polyfit(x, y, 1)[0])
