"""groups.py: arms are compared pair by pair, and p values are corrected over all of them; the
temperature of a network is that of validation digits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepared_lab import leave_prepared
from scipy import stats

from svhn_lab.evidence.calibration import calibration_error, fitted_temperature
from svhn_lab.nets import zoo
from svhn_lab.params import load
from svhn_lab.stages.groups import Group, answer, comparisons
from svhn_lab.stages.layout import PREPARED
from svhn_lab.stages.prepared import load_digits, load_manifest
from svhn_lab.stages.runs import save_model
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fit import predict


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


def test_the_temperature_is_fitted_on_validation_digits_and_judged_on_those_to_test(
    project: Path,
) -> None:
    leave_prepared(project)
    identity, net = Identity("train", "baseline", 0), zoo.build("baseline", num_classes=10, seed=0)
    save_model(identity.weights, net)
    group = Group("train/baseline", [identity], "baseline", load().arms["baseline"])
    found = answer((identity, group))

    def logits(split: str) -> Any:
        by = load_manifest().statistics
        return predict(net, load_digits(split), by, precision=group.recipe.precision).numpy()

    expected = fitted_temperature(logits("validation"), load_digits("validation").labels.numpy())
    assert found.temperature == expected
    labels = load_digits("test").labels.numpy()
    odds = np.exp(logits("test") / expected)
    error = calibration_error(odds / odds.sum(1, keepdims=True), labels)
    assert found.scaled_calibration_error == pytest.approx(error, abs=1e-5)
    np.save(PREPARED / "test" / "labels.npy", (labels + 1) % 10)
    of_others = answer((identity, group))
    assert of_others.temperature == expected
    assert of_others.scaled_calibration_error != found.scaled_calibration_error
