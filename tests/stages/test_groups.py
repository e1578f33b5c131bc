"""groups.py: arms are compared pair by pair, and p values are corrected over all of them."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from svhn_lab.stages.groups import comparisons


def hits(num_right: list[int]) -> list[Any]:
    """For each seed, answers of which the first so many of 200 are right."""
    return [np.arange(200) < right for right in num_right]


RIGHT = {
    "base": [100, 104, 98, 101],
    "better": [120, 125, 117, 124],
    "similar": [101, 103, 99, 100],
    "other": [90, 101, 95, 99],
}
HITS = {arm: hits(right) for arm, right in RIGHT.items()}
ENTRIES = {arm: {"test_accuracy": [n / 200 for n in right]} for arm, right in RIGHT.items()}
REFERENCES = {"better": "base", "similar": "base", "other": "similar"}


def test_differences_are_paired_and_corrected_over_all_that_have_a_reference() -> None:
    found = comparisons(REFERENCES, ENTRIES, HITS)
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
    one = {arm: a[:1] for arm, a in HITS.items()}
    found = comparisons(REFERENCES, entries, one)["better"]
    assert found["difference"] == pytest.approx(0.1)
    assert (found["difference_interval"], found["p_t"], found["p_holm"]) == (None, None, None)
    assert found["p_mcnemar"] == pytest.approx([2 * 0.5**20])
