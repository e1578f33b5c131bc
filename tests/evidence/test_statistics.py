"""statistics.py against published worked examples, and against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from svhn_lab.evidence.statistics import (
    holm,
    mcnemar_test,
    mean_interval,
    paired_difference,
    pairs_to_decide,
    sign_flip_test,
    t_test,
    wilson_interval,
)

# Darwin's maize (1876): by how many eighths of an inch the crossed plant of each pair is taller.
# Fisher, The Design of Experiments (1935), chapter III: t = 2.148 on 14 degrees of freedom; of the
# 32,768 ways to set the signs, 863 give as large a sum and 863 as small a one.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_the_t_interval_is_that_of_a_published_example() -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2, heat flow meter data:
    # n = 195, mean 9.261460, s = 0.022789, 95 % interval (9.258242, 9.264679). The same mean and
    # deviation are made here from 97 pairs around the mean and the mean itself.
    step = 0.022789
    values = [9.261460 - step, 9.261460 + step] * 97 + [9.261460]
    interval = mean_interval(values)
    assert interval is not None
    assert interval == pytest.approx((9.258242, 9.264679), abs=2e-6)


def test_values_without_spread_have_no_interval() -> None:
    assert mean_interval([0.9]) is None
    assert mean_interval([0.9, 0.9, 0.9]) is None
    assert paired_difference([0.8, 0.9], [0.7, 0.8]).interval is None


def test_the_wilson_interval_is_that_of_a_published_example() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_wilson_interval_holds_the_proportion(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = wilson_interval(hits, trials)
    assert -1e-12 <= low <= hits / trials <= high <= 1 + 1e-12


def test_paired_tests_are_fishers_of_darwins_maize() -> None:
    difference = paired_difference(MAIZE, [0] * 15)
    assert difference.mean == pytest.approx(20.933, abs=5e-4)
    assert difference.p_t == pytest.approx(2 * stats.t.sf(2.148, 14), abs=1e-4)
    assert difference.p_sign_flip == pytest.approx(2 * 863 / 32768)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12).filter(
        lambda pairs: np.std([a - b for a, b in pairs]) > 1e-6
    )
)
def test_paired_differences_agree_with_scipy(pairs: list[tuple[float, float]]) -> None:
    values, reference = zip(*pairs, strict=True)
    difference = paired_difference(values, reference)
    expected = stats.ttest_rel(values, reference)
    assert difference.p_t == pytest.approx(expected.pvalue, abs=1e-9)
    interval = expected.confidence_interval(0.95)
    assert difference.interval == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert difference.p_sign_flip is not None
    assert difference.p_sign_flip >= 2 / 2 ** len(pairs) - 1e-12


def test_one_pair_has_no_p_value_and_equal_ones_have_none_either() -> None:
    alone = paired_difference([0.9], [0.8])
    assert (alone.interval, alone.p_t, alone.p_sign_flip) == (None, None, None)
    assert t_test([0.25, 0.25]) is None
    equal_but_for_rounding = [0.86 - 0.85, 0.85 - 0.84, 0.87 - 0.86]
    assert t_test(equal_but_for_rounding) is None
    assert t_test(equal_but_for_rounding, mean=0.01) is None


def test_many_pairs_give_the_same_p_every_time() -> None:
    pairs = [0.01 * (number % 7 - 2.5) for number in range(25)]  # too many to try all signs
    assert sign_flip_test(pairs) == sign_flip_test(pairs)


def test_three_pairs_cannot_convince_the_sign_flip_test() -> None:
    assert sign_flip_test([0.1, 0.2, 0.1]) == pytest.approx(2 / 2**3)


def test_runs_that_are_not_as_many_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_difference([0.9, 0.8], [0.7])


def test_mcnemar_is_that_of_a_published_example() -> None:
    # Agresti, Categorical Data Analysis (2002), section 10.1.1, approval of the prime minister:
    # 794 and 570 agree, 150 against 86 do not; z = 4.17. The exact p value is the binomial's.
    first = np.repeat([True, True, False, False], [794, 150, 86, 570])
    second = np.repeat([True, False, True, False], [794, 150, 86, 570])
    p = mcnemar_test(first, second)
    assert p == pytest.approx(2 * stats.binom.cdf(86, 236, 0.5))
    assert p == pytest.approx(3.716e-5, abs=5e-9)  # as R's mcnemar.exact of exact2x2 has it
    assert mcnemar_test(second, first) == p
    assert mcnemar_test(first, first) == 1


def test_holm_is_that_of_a_worked_example() -> None:
    # Four hypotheses at 0.01, 0.04, 0.03, 0.005: at 0.05 the smallest two are rejected.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.randoms())
def test_holm_corrects_between_nothing_and_bonferroni_and_keeps_the_order(
    p_values: list[float], random: object
) -> None:
    adjusted = holm(p_values)
    for p, corrected in zip(p_values, adjusted, strict=True):
        assert p <= corrected <= min(1, len(p_values) * p) + 1e-12
    in_order = [adjusted[i] for i in np.argsort(p_values, kind="stable")]
    assert in_order == sorted(in_order)


# Cohen, Statistical Power Analysis (1988), and G*Power: pairs for 80 % power, two-sided 0.05.
@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_the_number_of_pairs_is_that_of_published_tables(effect: float, pairs: int) -> None:
    assert pairs_to_decide(effect, 1, 0.05) == pairs


def test_so_many_pairs_really_decide_four_times_in_five() -> None:
    pairs = pairs_to_decide(0.01, 0.015, 0.01)
    assert pairs is not None
    drawn = np.random.default_rng(0).normal(0.01, 0.015, (5000, pairs))
    decided = (stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.01).mean()
    assert decided == pytest.approx(0.8, abs=0.03)


@given(st.floats(1e-3, 1), st.floats(1e-3, 1), st.floats(0.001, 0.1))
def test_more_distance_takes_no_more_pairs(distance: float, deviation: float, level: float) -> None:
    pairs, fewer = (pairs_to_decide(d, deviation, level) for d in (distance, 2 * distance))
    assert pairs is None or (fewer is not None and 2 <= fewer <= pairs)


def test_a_difference_on_its_bound_is_never_decided() -> None:
    assert pairs_to_decide(0, 0.01, 0.05) is None
