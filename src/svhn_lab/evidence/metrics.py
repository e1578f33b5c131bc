"""What a network's answers are like besides how many are right."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Reliability:
    """Answers sorted by confidence into equally wide bins (low, high]: of each bin the number of
    answers, their mean confidence, and the share that is right; None of an empty bin."""

    counts: list[int]
    confidence: list[float | None]
    accuracy: list[float | None]


def reliability(
    probabilities: NDArray[np.floating], labels: Labels, bins: int = CALIBRATION_BINS
) -> Reliability:
    """How often what is said with a certain confidence is right. `probabilities`: (N, classes)."""
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == labels
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(which, minlength=bins)

    def means(values: NDArray[np.floating] | NDArray[np.bool_]) -> list[float | None]:
        sums = np.bincount(which, weights=values, minlength=bins)
        return [float(s / n) if n else None for s, n in zip(sums, counts, strict=True)]

    return Reliability(counts.tolist(), means(confidence), means(correct))


def calibration_error(
    probabilities: NDArray[np.floating], labels: Labels, bins: int = CALIBRATION_BINS
) -> float:
    """The expected calibration error (Guo et al., 2017, "On calibration of modern neural
    networks"): how far confidence is from accuracy, averaged over equally wide bins of confidence
    with their share of the images. `probabilities`: (N, classes)."""
    found = reliability(probabilities, labels, bins)
    gaps = [
        count * abs(confidence - accuracy)
        for count, confidence, accuracy in zip(
            found.counts, found.confidence, found.accuracy, strict=True
        )
        if confidence is not None and accuracy is not None
    ]
    return sum(gaps) / len(labels)
