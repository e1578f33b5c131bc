"""statistics.py against published worked examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svhn_lab.evidence.statistics import mean_interval, wilson_interval


def test_the_t_interval_is_that_of_a_published_example() -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2, heat flow meter data:
    # n = 195, mean 9.261460, s = 0.022789, 95 % interval (9.258242, 9.264679). The same mean and
    # deviation are made here from 97 pairs around the mean and the mean itself.
    step = 0.022789
    values = [9.261460 - step, 9.261460 + step] * 97 + [9.261460]
    interval = mean_interval(values)
    assert interval is not None
    assert interval == pytest.approx((9.258242, 9.264679), abs=2e-6)


def test_one_value_has_no_interval_and_equal_values_a_point() -> None:
    assert mean_interval([0.9]) is None
    assert mean_interval([0.9, 0.9, 0.9]) == pytest.approx((0.9, 0.9))


def test_the_wilson_interval_is_that_of_a_published_example() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_wilson_interval_holds_the_proportion(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = wilson_interval(hits, trials)
    assert -1e-12 <= low <= hits / trials <= high <= 1 + 1e-12
