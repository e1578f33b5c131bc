"""selection.py: validation decides, the test figures do not."""

from svhn_lab.evidence.selection import best_small_arm

ARMS = {
    "huge": {"parameters": 200_000, "validation_accuracy": [0.99], "test_accuracy": [0.99]},
    "lucky": {"parameters": 150_000, "validation_accuracy": [0.90, 0.92], "test_accuracy": [0.98]},
    "best": {"parameters": 100_000, "validation_accuracy": [0.93, 0.91], "test_accuracy": [0.90]},
}


def test_the_best_on_validation_among_the_small_is_chosen() -> None:
    assert best_small_arm(ARMS, 150_000) == "best"
    assert best_small_arm(ARMS, 200_000) == "huge"
    assert best_small_arm(ARMS, 99_999) is None
