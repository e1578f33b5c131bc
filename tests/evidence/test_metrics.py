"""metrics.py: counts and calibration against examples worked by hand."""

import numpy as np
import pytest

from svhn_lab.evidence.metrics import (
    calibration_error,
    confusion,
    per_class_accuracy,
    reliability,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2])


def test_confusion_has_true_classes_in_rows_and_room_for_absent_ones() -> None:
    counts = confusion(PREDICTED, LABELS, 4)
    assert counts == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert per_class_accuracy(counts) == [pytest.approx(2 / 3), 0.5, 1.0, None]


def test_calibration_error_is_that_worked_by_hand() -> None:
    # Two bins, (0, 0.5] and (0.5, 1]. Low: confidences 0.4, 0.5, one right: |0.45 - 0.5|, two of
    # five. High: 0.6, 0.8, 1.0, two right: |0.8 - 2/3|, three of five.
    probabilities = np.array(
        [[0.4, 0.3, 0.3], [0.25, 0.5, 0.25], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0, 0, 1.0]]
    )
    labels = np.array([0, 0, 0, 1, 1])
    expected = 2 / 5 * 0.05 + 3 / 5 * (0.8 - 2 / 3)
    assert calibration_error(probabilities, labels, bins=2) == pytest.approx(expected)
    found = reliability(probabilities, labels, bins=4)
    assert found.counts == [0, 2, 1, 2]
    assert found.confidence == [None, *map(pytest.approx, (0.45, 0.6, 0.9))]
    assert found.accuracy == [None, 0.5, 1.0, 0.5]


def test_a_network_as_sure_as_it_is_right_has_no_calibration_error() -> None:
    probabilities = np.tile([0.75, 0.25], (4, 1))
    assert calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0)
    assert calibration_error(np.eye(3), np.array([0, 1, 2])) == 0
    assert calibration_error(np.eye(3), np.array([1, 2, 0])) == 1
