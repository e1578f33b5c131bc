"""metrics.py: counts against an example worked by hand."""

import numpy as np
import pytest

from svhn_lab.evidence.metrics import confusion, per_class_accuracy

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2])


def test_confusion_has_true_classes_in_rows_and_room_for_absent_ones() -> None:
    counts = confusion(PREDICTED, LABELS, 4)
    assert counts == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert per_class_accuracy(counts) == [pytest.approx(2 / 3), 0.5, 1.0, None]
