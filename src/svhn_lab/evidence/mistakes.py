"""Which images networks get wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svhn_lab.data.batches import Labels

Probabilities = NDArray[np.float32]  # (N, classes)


@dataclass(frozen=True)
class Mistakes:
    """Some images, and what they are taken for."""

    images: NDArray[np.int64]  # which of the N
    taken_for: NDArray[np.int64]
    confidence: NDArray[np.float32]


def most_confident(probabilities: Probabilities, labels: Labels) -> Mistakes:
    """All that a network gets wrong, the ones first that it is most certain of; of equals the
    first."""
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    said = probabilities[wrong]
    order = np.argsort(-said.max(1), kind="stable")
    return Mistakes(wrong[order], said.argmax(1)[order], said.max(1)[order])


def never_right(answers: Sequence[Probabilities], labels: Labels) -> Mistakes:
    """All that none of several networks gets right, and the wrong class that they take each for
    together, by the mean of what they say; those first of which they are most certain."""
    wrong = np.flatnonzero(np.all([each.argmax(1) != labels for each in answers], axis=0))
    together = np.mean([each[wrong] for each in answers], axis=0)
    together[np.arange(len(wrong)), labels[wrong]] = 0
    order = np.argsort(-together.max(1), kind="stable")
    return Mistakes(wrong[order], together.argmax(1)[order], together.max(1)[order])


def ensemble_accuracy(answers: Sequence[Probabilities], labels: Labels) -> float:
    """The fraction of images that the mean of what several networks say gets right
    (Lakshminarayanan et al., 2017, "Simple and scalable predictive uncertainty estimation using
    deep ensembles")."""
    return float((np.mean(answers, axis=0).argmax(1) == labels).mean())
