"""similarity.py: alike up to rotation and scale; a probe reads what is linearly there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from svhn_lab.evidence.similarity import linear_cka, probe_accuracy

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(60, 12)).astype(np.float32)


@given(st.floats(0.01, 100), st.floats(-5, 5), st.integers(0, 99))
def test_scale_shift_and_rotation_change_nothing(scale: float, shift: float, seed: int) -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(12, 12)))
    assert linear_cka(FEATURES, scale * FEATURES @ rotation + shift) == pytest.approx(1, abs=1e-4)


def test_it_is_the_ratio_of_covariances_of_the_paper() -> None:
    # Kornblith et al., 2019, equation 4's linear form: ||Y'X||^2 / (||X'X|| ||Y'Y||).
    other = FEATURES[:, :5] + RANDOM.normal(size=(60, 5))
    x, y = FEATURES - FEATURES.mean(0), other - other.mean(0)
    expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert linear_cka(FEATURES, other) == pytest.approx(expected)


def test_unrelated_features_are_less_alike_than_related_ones() -> None:
    unrelated = RANDOM.normal(size=(60, 12))
    assert linear_cka(FEATURES, unrelated) < linear_cka(FEATURES, FEATURES + unrelated) < 1


def test_features_that_tell_nothing_apart_are_like_nothing() -> None:
    with pytest.raises(ValueError, match="same for every example"):
        linear_cka(FEATURES, np.ones((60, 3)))


def test_a_probe_finds_what_is_linearly_there_and_nothing_else() -> None:
    labels = (FEATURES[:, 3] > 0).astype(np.int64)
    train, test = slice(0, 40), slice(40, 60)
    assert probe_accuracy(FEATURES[train], labels[train], FEATURES[test], labels[test]) >= 0.8
    scales = np.where(np.arange(12) == 3, 1, 1e4)
    scaled = FEATURES * scales
    assert probe_accuracy(scaled[train], labels[train], scaled[test], labels[test]) >= 0.8
    without = np.delete(FEATURES, 3, axis=1)
    assert probe_accuracy(without[train], labels[train], without[test], labels[test]) < 0.8
