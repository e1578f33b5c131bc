"""mistakes.py: images that no network gets right, and those that one is most certain of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from svhn_lab.evidence.mistakes import ensemble_accuracy, most_confident, never_right

LABELS = np.array([0, 1, 2, 0])
ONE = np.array(
    [[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1]], dtype=np.float32
)
OTHER = np.array(
    [[0.2, 0.8, 0.0], [0.5, 0.4, 0.1], [0.0, 0.9, 0.1], [0.1, 0.1, 0.8]], dtype=np.float32
)


def test_the_most_confident_mistakes_are_of_one_network() -> None:
    found = most_confident(ONE, LABELS)
    assert found.images.tolist() == [2, 3, 1]
    assert found.taken_for.tolist() == [1, 1, 0]
    assert found.confidence.tolist() == pytest.approx([0.8, 0.7, 0.6])


def test_what_no_network_gets_right_is_taken_for_what_they_say_together() -> None:
    found = never_right([ONE, OTHER], LABELS)
    assert found.images.tolist() == [2, 1, 3], "digit 0 is right by the first"
    assert found.taken_for.tolist() == [1, 0, 2]
    assert found.confidence.tolist() == pytest.approx([0.85, 0.55, 0.45])


def test_it_is_never_taken_for_what_it_is() -> None:
    """Neither network says 0, but together they say nothing more often."""
    one, other = np.array([[0.4, 0.6, 0.0]]), np.array([[0.4, 0.0, 0.6]])
    found = never_right([one.astype(np.float32), other.astype(np.float32)], np.array([0]))
    assert found.images.tolist() == [0] and found.taken_for.tolist() == [1]


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_more_networks_leave_fewer_digits_that_none_gets_right(number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, 20)
    answers: list[NDArray[np.float32]] = [
        random.dirichlet(np.ones(3), 20).astype(np.float32) for _ in range(number + 1)
    ]
    fewer, more = (set(never_right(some, labels).images) for some in (answers[:-1], answers))
    assert more <= fewer
    assert more == {d for d in range(20) if all(a[d].argmax() != labels[d] for a in answers)}


def test_networks_together_may_be_right_where_neither_is() -> None:
    one, other = np.array([[0.4, 0.6, 0.0]] * 2), np.array([[0.4, 0.0, 0.6]] * 2)
    assert ensemble_accuracy([one, other], np.array([0, 1])) == 0.5
    assert ensemble_accuracy([ONE, OTHER], LABELS) == 0.25, "the first, by 0.55 to 0.45"
    assert ensemble_accuracy([ONE], LABELS) == 0.25
