"""What a network's answers are like besides how many are right."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from svhn_lab.data.batches import Labels

CALIBRATION_BINS = 15


def confusion(predicted: Labels, labels: Labels, num_classes: int) -> list[list[int]]:
    """How often images of the class of the row were taken for the class of the column."""
    counts = confusion_matrix(labels, predicted, labels=np.arange(num_classes))
    return [[int(count) for count in row] for row in counts]


def per_class_accuracy(confusion: list[list[int]]) -> list[float | None]:
    """The share of each class's images that were taken for it; None of a class without images."""
    return [row[label] / sum(row) if sum(row) else None for label, row in enumerate(confusion)]


def calibration_error(
    probabilities: NDArray[np.floating], labels: Labels, bins: int = CALIBRATION_BINS
) -> float:
    """The expected calibration error (Guo et al., 2017, "On calibration of modern neural
    networks"): how far confidence is from accuracy, averaged over equally wide bins of confidence
    with their share of the images. `probabilities`: (N, classes)."""
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == labels
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # (low, high]
    gaps = np.bincount(which, weights=confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
