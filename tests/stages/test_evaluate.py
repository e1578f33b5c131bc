"""evaluate.py: arms are compared pair by pair, and p values are corrected over all of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from svhn_lab.params import load
from svhn_lab.stages.evaluate import claims, comparisons

SHIPPED = load(Path(__file__).parents[2] / "params.yaml")
LABELS = np.arange(200) % 4


def answers(num_right: list[int]) -> list[Any]:
    """For each seed, sure answers of which the first so many are right."""
    return [
        np.eye(4, dtype=np.float32)[np.where(np.arange(200) < right, LABELS, (LABELS + 1) % 4)]
        for right in num_right
    ]


RIGHT = {
    "base": [100, 104, 98, 101],
    "better": [120, 125, 117, 124],
    "similar": [101, 103, 99, 100],
    "other": [90, 101, 95, 99],
}
ANSWERS = {arm: answers(right) for arm, right in RIGHT.items()}
ENTRIES = {arm: {"test_accuracy": [n / 200 for n in right]} for arm, right in RIGHT.items()}
REFERENCES = {"better": "base", "similar": "base", "other": "similar"}


def test_differences_are_paired_and_corrected_over_all_that_have_a_reference() -> None:
    found = comparisons(REFERENCES, ENTRIES, ANSWERS, LABELS)
    assert set(found["base"].values()) == {None}
    better = found["better"]
    assert better["difference"] == pytest.approx((20 + 21 + 19 + 23) / 4 / 200)
    p = {
        arm: stats.ttest_rel(RIGHT[arm], RIGHT[reference]).pvalue
        for arm, reference in REFERENCES.items()
    }
    assert {arm: found[arm]["p_t"] for arm in p} == pytest.approx(p)
    first, second, third = sorted(p, key=lambda arm: p[arm])
    assert found[first]["p_holm"] == pytest.approx(3 * p[first])
    assert found[second]["p_holm"] == pytest.approx(min(1, max(3 * p[first], 2 * p[second])))
    assert found[third]["p_holm"] >= found[second]["p_holm"]
    assert better["p_mcnemar"] == pytest.approx([2 * 0.5**n for n in (20, 21, 19, 23)])
    assert list(found["base"]) == list(better), "every arm has the same keys"


def test_one_seed_is_compared_without_p_values() -> None:
    entries = {arm: {"test_accuracy": e["test_accuracy"][:1]} for arm, e in ENTRIES.items()}
    one = {arm: a[:1] for arm, a in ANSWERS.items()}
    found = comparisons(REFERENCES, entries, one, LABELS)["better"]
    assert found["difference"] == pytest.approx(0.1)
    assert (found["difference_interval"], found["p_t"], found["p_holm"]) == (None, None, None)
    assert found["p_mcnemar"] == pytest.approx([2 * 0.5**20])


def test_claims_keep_what_they_say_beside_their_verdict() -> None:
    entries = {arm: {"test_accuracy": [0.8, 0.81, 0.79]} for arm in SHIPPED.arms}
    entries["crop"] = {"test_accuracy": [0.7799, 0.79, 0.7701]}
    found = claims(SHIPPED, entries)
    assert list(found) == list(SHIPPED.lab_report.claims)
    crop = found["crop"]
    assert crop["says"] == "Cropping costs 2 points" and crop["reported"] == -2
    assert crop["verdict"] == "upheld" and crop["difference"] == pytest.approx(-0.02)
    assert found["rotation"]["verdict"] == "not decided", "without spread nothing is"
