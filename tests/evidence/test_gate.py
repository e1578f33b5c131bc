"""gate.py: each check at its bound; a champion is defended by a test, on the same images paired."""

from dataclasses import replace

import numpy as np
import pytest

from svhn_lab.evidence.gate import Candidate, Champion, checks, no_worse, passed
from svhn_lab.evidence.statistics import wilson_interval
from svhn_lab.params import Gate

ASKED = Gate(max_parameters=150_000, min_test_accuracy=0.8, max_calibration_error=0.1, level=0.05)


def candidate(num_right: int, of: int = 1000) -> Candidate:
    right = np.arange(of) < num_right
    return Candidate(150_000, num_right / of, wilson_interval(num_right, of), 0.1, right, "digits")


def failed(one: Candidate) -> list[str]:
    return [check.name for check in checks(one, ASKED) if not check.passed]


def test_at_the_bounds_a_candidate_passes_and_beyond_each_it_fails() -> None:
    good = candidate(900)
    assert failed(good) == [] and passed(checks(good, ASKED))
    assert failed(replace(good, parameters=150_001)) == ["parameters"]
    assert failed(replace(good, calibration_error=0.1001)) == ["calibration"]
    assert not passed(checks(replace(good, parameters=150_001), ASKED))


def test_it_is_the_intervals_lower_end_that_must_reach_the_accuracy() -> None:
    almost = candidate(810)
    assert almost.test_accuracy > 0.8 > almost.test_interval[0]
    assert failed(almost) == ["test_accuracy"]
    assert failed(replace(almost, test_interval=(0.8, 0.82))) == []


@pytest.mark.parametrize(("fewer", "fails"), [(0, False), (4, False), (5, True), (50, True)])
def test_on_the_same_images_those_decide_that_only_one_gets_right(fewer: int, fails: bool) -> None:
    # All that the candidate gets right the champion does too: 1 / 2^n is the p value, by hand.
    champion = Champion(3, candidate(900 + fewer).right, "digits")
    check = no_worse(candidate(900), champion, ASKED.level)
    assert check.name == "champion" and check.passed != fails
    assert f"p = {0.5**fewer:.3g} (on the same images" in check.says
    assert "version 3" in check.says


def test_a_better_candidate_passes_however_much_better() -> None:
    champion = Champion(1, candidate(850).right, "digits")
    assert no_worse(candidate(990), champion, ASKED.level).passed


def test_on_other_images_the_same_difference_is_weaker_evidence() -> None:
    """Fisher's test of 900 of 1000 against 905, 930: p 0.38 and 0.009 (R: fisher.test, less)."""
    for hits, fails in ((905, False), (930, True)):
        champion = Champion(1, candidate(hits).right, "other digits")
        check = no_worse(candidate(900), champion, ASKED.level)
        assert check.passed != fails and "on other images" in check.says
