"""calibration.py: the calibration error against examples worked by hand; the fitted temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from svhn_lab.evidence.calibration import (
    TEMPERATURES,
    calibration_error,
    fitted_temperature,
    reliability,
)


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


def softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits - logits.max(1, keepdims=True))
    shares: np.ndarray = odds / odds.sum(1, keepdims=True)
    return shares


def said(seed: int, over: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `over` times too large, of a network that is as often right as it would say
    without that; and labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(4000, 4))
    labels = np.array([rng.choice(4, p=p) for p in softmax(logits)])
    return (over * logits).astype(np.float32), labels


@pytest.mark.parametrize("over", [0.25, 1.0, 3.0])
def test_the_temperature_undoes_over_and_underconfidence(over: float) -> None:
    logits, labels = said(0, over)
    assert fitted_temperature(logits, labels) == pytest.approx(over, rel=0.1)
    for_others, others = said(1, over)
    scaled = calibration_error(softmax(for_others / fitted_temperature(logits, labels)), others)
    assert scaled < 0.03
    if over != 1:
        assert calibration_error(softmax(for_others), others) > 0.1


@given(st.integers(0, 1000), st.floats(0.3, 3))
def test_no_other_temperature_has_less_cross_entropy(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(30, 3))
    labels = np.where(rng.random(30) < 0.6, logits.argmax(1), 0)

    def loss(temperature: float) -> float:
        return float(log_loss(labels, softmax(logits / temperature), labels=[0, 1, 2]))

    fitted = fitted_temperature(logits, labels)
    other = float(np.clip(fitted * factor, *TEMPERATURES))
    assert loss(fitted) <= loss(other) + 1e-6


def test_of_a_network_that_is_always_or_never_right_it_stays_within_bounds() -> None:
    logits = np.eye(3, dtype=np.float32) * 5
    low, high = TEMPERATURES
    assert low <= fitted_temperature(logits, np.array([0, 1, 2])) < 0.2
    assert 10 < fitted_temperature(logits, np.array([1, 2, 0])) <= high
