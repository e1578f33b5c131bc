"""selection.py: validation decides, the test figures do not."""

from hypothesis import given
from hypothesis import strategies as st

from svhn_lab.evidence.selection import best_run, best_small_arm, deepest_within, pareto_front

ARMS = {
    "huge": {"parameters": 200_000, "validation_accuracy": [0.99], "test_accuracy": [0.99]},
    "lucky": {"parameters": 150_000, "validation_accuracy": [0.86, 0.95], "test_accuracy": [0.98]},
    "best": {"parameters": 100_000, "validation_accuracy": [0.93, 0.91], "test_accuracy": [0.90]},
}


def test_the_best_on_validation_among_the_small_is_chosen() -> None:
    assert best_small_arm(ARMS, 150_000) == "best"
    assert best_small_arm(ARMS, 200_000) == "huge"
    assert best_small_arm(ARMS, 99_999) is None


def test_the_best_run_is_the_first_that_is_best_on_validation() -> None:
    entry = {"validation_accuracy": [0.91, 0.93, 0.93, 0.9], "test_accuracy": [0.99, 0, 0, 0]}
    assert best_run(entry) == 1


def test_the_front_is_what_no_other_beats() -> None:
    points = {
        "cheap": (1.0, 0.80),
        "as cheap and worse": (1.0, 0.79),
        "dearer and as good": (2.0, 0.80),
        "better": (3.0, 0.90),
        "dear and worse": (4.0, 0.85),
    }
    assert pareto_front(points) == ["cheap", "better"]


def test_the_deepest_that_is_as_good_is_chosen() -> None:
    accuracies = {0: [0.94, 0.96], 3: [0.95, 0.97], 5: [0.95, 0.951], 7: [0.8, 0.9]}
    assert deepest_within(accuracies, 0.0) == 3
    assert deepest_within(accuracies, 0.01) == 5
    assert deepest_within(accuracies, 0.2) == 7


@given(
    st.dictionaries(st.integers(0, 9), st.lists(st.floats(0, 1), min_size=1), min_size=1),
    st.floats(0, 1),
)
def test_what_is_chosen_is_within_the_margin_and_nothing_deeper_is(
    accuracies: dict[int, list[float]], margin: float
) -> None:
    chosen = deepest_within(accuracies, margin)
    means = {depth: sum(values) / len(values) for depth, values in accuracies.items()}
    assert means[chosen] >= max(means.values()) - margin - 1e-9
    assert all(means[d] < max(means.values()) - margin + 1e-9 for d in means if d > chosen)
