"""Which classes a network takes for which."""

import numpy as np
from sklearn.metrics import confusion_matrix

from svhn_lab.data.batches import Labels


def confusion(predicted: Labels, labels: Labels, num_classes: int) -> list[list[int]]:
    """How often images of the class of the row were taken for the class of the column."""
    counts = confusion_matrix(labels, predicted, labels=np.arange(num_classes))
    return [[int(count) for count in row] for row in counts]


def per_class_accuracy(confusion: list[list[int]]) -> list[float | None]:
    """The share of each class's images that were taken for it; None of a class without images."""
    return [row[label] / sum(row) if sum(row) else None for label, row in enumerate(confusion)]
