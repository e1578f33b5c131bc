"""How far a network's confidence is to be believed, and the temperature that mends it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from svhn_lab.data.batches import Labels

CALIBRATION_BINS = 15
TEMPERATURES = (0.05, 20.0)  # one outside is of a network that no temperature mends


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


def fitted_temperature(logits: NDArray[np.floating], labels: Labels) -> float:
    """The temperature T with which softmax(logits / T) has the least cross-entropy with the labels
    (Guo et al., 2017, section 4.2): above 1 of an overconfident network, below 1 of an
    underconfident one. What is predicted stays the same. `logits`: (N, classes); the digits should
    be those of validation, not of training or of test. In thousandths: another machine, which
    rounds otherwise, should find the same one."""
    logits = logits.astype(np.float64)
    of_labels = logits[np.arange(len(labels)), labels]

    def cross_entropy(log_temperature: float) -> float:
        temperature = np.exp(log_temperature)
        return float(np.mean(logsumexp(logits / temperature, 1) - of_labels / temperature))

    # It has one minimum, as cross-entropy is convex in 1 / T.
    found = minimize_scalar(cross_entropy, bounds=np.log(TEMPERATURES), method="bounded")
    return round(float(np.exp(found.x)), 3)
