"""claims.py: a claim is upheld or rejected only when the data tell; else how many seeds would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from svhn_lab.evidence.claims import claimed_range, decide, judge, within
from svhn_lab.evidence.statistics import pairs_to_decide
from svhn_lab.params import Claim

BASE = [0.850, 0.853, 0.848, 0.851, 0.852]


def claim(**bounds: float) -> Claim:
    return Claim(says="so", arm="arm", reference="base", **bounds)


def verdict(differences: list[float], **bounds: float) -> tuple[str, int | None]:
    arms = {"base": BASE, "arm": [a + d for a, d in zip(BASE, differences, strict=True)]}
    found = judge({"one": claim(**bounds)}, arms)["one"]
    assert found.seeds == 5
    assert found.difference == pytest.approx(np.mean(differences))
    return found.verdict, found.seeds_to_decide


NEAR = [0.001, -0.001, 0.0005, 0.0, -0.0005]
BETTER = [0.031, 0.029, 0.030, 0.028, 0.032]
CLOSE = [0.006, 0.012, 0.009, 0.011, 0.007]
WILD = [0.05, -0.04, 0.02, -0.01, 0.03]


def test_better_and_the_same_are_told_apart() -> None:
    assert verdict(BETTER, at_least=0) == ("upheld", None)
    assert verdict(BETTER, at_most=0) == ("rejected", None)
    assert verdict(NEAR, at_least=-1, at_most=1) == ("upheld", None)
    assert verdict(BETTER, at_least=-1, at_most=1) == ("rejected", None)
    assert verdict([-d for d in BETTER], at_least=-4, at_most=-2) == ("upheld", None)
    assert verdict(CLOSE, at_least=-1, at_most=1)[0] == "not decided", "by the nearest bound"


def test_what_the_seeds_do_not_tell_is_not_decided_but_how_many_would() -> None:
    found, seeds = verdict(WILD, at_least=0)
    assert found == "not decided"
    assert seeds is not None and seeds > 5
    # Were there so many seeds like these, it would be.
    many = (WILD * (seeds // 5 + 1))[:seeds]
    arms = {"base": [0.85] * len(many), "arm": [0.85 + d for d in many]}
    assert judge({"one": claim(at_least=0)}, arms)["one"].verdict == "upheld"


def test_the_figures_are_those_of_the_test_against_the_nearest_bound() -> None:
    one = decide({"a": CLOSE}, {"a": (-0.01, 0.01)})["a"]
    p = stats.ttest_1samp(CLOSE, 0.01).pvalue
    assert one.p_holm == pytest.approx(p)
    assert one.interval == pytest.approx(
        stats.t.interval(0.95, 4, np.mean(CLOSE), stats.sem(CLOSE))
    )
    spread = float(np.std(CLOSE, ddof=1))
    assert one.seeds_to_decide == pairs_to_decide(0.001, spread, 0.05)
    two = decide({"a": CLOSE, "b": WILD}, {"a": (-0.01, 0.01), "b": (0, None)})
    assert two["a"].p_holm == pytest.approx(2 * p), "by Holm, the smaller of two"
    assert two["a"].seeds_to_decide == pairs_to_decide(0.001, spread, 0.025)


def test_one_seed_decides_nothing() -> None:
    found = judge({"one": claim(at_least=0)}, {"base": [0.8], "arm": [0.9]})["one"]
    assert (found.verdict, found.p_holm, found.interval) == ("not decided", None, None)


def test_many_claims_are_corrected_for_together() -> None:
    more = [0.02, 0.01, 0.03, 0.004, 0.02]
    arms = {"base": BASE, "arm": [a + d for a, d in zip(BASE, more, strict=True)]}
    alone = judge({"one": claim(at_least=0)}, arms)
    together = judge({str(i): claim(at_least=0) for i in range(10)}, arms)
    assert alone["one"].verdict == "upheld"
    assert {found.verdict for found in together.values()} == {"not decided"}


@given(
    st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=10),
    st.floats(-5, 4.9),
    st.floats(0.1, 5),
)
def test_a_verdict_never_contradicts_the_mean(
    differences: list[float], low: float, width: float
) -> None:
    one = claim(at_least=low, at_most=low + width)
    arms = {"base": [0.5] * len(differences), "arm": [0.5 + d for d in differences]}
    found = judge({"one": one}, arms)["one"]
    if found.verdict != "not decided":
        assert within(claimed_range(one), found.difference) == (found.verdict == "upheld")
        assert found.p_holm is not None and found.p_holm < 0.05
        assert found.seeds_to_decide is None
    elif found.seeds_to_decide is not None:
        assert found.seeds_to_decide > len(differences)


def test_any_range_of_any_quantity_can_be_judged() -> None:
    found = decide(
        {"above": [3.0, 3.5, 2.5, 3.1], "below": [-2.0, -2.2, -1.9, -2.1]},
        {"above": (0, None), "below": (0, None)},
    )
    assert {name: verdict.verdict for name, verdict in found.items()} == {
        "above": "upheld",
        "below": "rejected",
    }
    assert found["above"].difference == pytest.approx(3.025)
