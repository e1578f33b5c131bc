"""subsets.py: splits and draws are disjoint, balanced, and follow from the seed."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from svhn_lab.data.batches import Digits
from svhn_lab.data.subsets import of_classes, relabelled, small_draw, stratified_split
from svhn_lab.errors import UserError


@st.composite
def labels(draw: st.DrawFn) -> NDArray[np.int64]:
    """Labels with at least 20 of each of the ten classes, in random order."""
    counts = draw(st.lists(st.integers(20, 60), min_size=10, max_size=10))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.permutation(np.repeat(np.arange(10), counts))


@given(labels(), st.floats(0.05, 0.5), st.integers(0, 2**32 - 1))
def test_a_stratified_split_takes_its_share_of_every_class(
    labels: NDArray[np.int64], fraction: float, seed: int
) -> None:
    train, validation = stratified_split(labels, fraction, seed, key="x")
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert (np.diff(train) > 0).all() and (np.diff(validation) > 0).all()
    shares = np.bincount(labels[validation], minlength=10)
    np.testing.assert_allclose(shares, fraction * np.bincount(labels), atol=1.01)
    again = stratified_split(labels, fraction, seed, key="x")
    assert np.array_equal(train, again[0]) and np.array_equal(validation, again[1])


def test_a_class_that_cannot_be_in_both_parts_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.test_fraction: 0\.1 of 10 digits"):
        stratified_split(np.arange(10), 0.1, 0, key="data.test_fraction")


@given(labels(), st.sets(st.integers(0, 9), min_size=1))
def test_a_subset_is_all_digits_of_its_classes(
    labels: NDArray[np.int64], classes: set[int]
) -> None:
    chosen = of_classes(labels, sorted(classes))
    assert set(labels[chosen]) == classes
    assert not set(np.delete(labels, chosen)) & classes


@given(labels(), st.integers(1, 20), st.integers(0, 99), st.integers(0, 99))
def test_a_draw_is_balanced_without_repeats_and_follows_from_seed_and_number(
    labels: NDArray[np.int64], per_class: int, seed: int, draw: int
) -> None:
    sample = small_draw(labels, [0, 9], per_class, seed=seed, draw=draw)
    assert len(set(sample)) == len(sample) == 2 * per_class
    assert np.bincount(labels[sample], minlength=10)[[0, 9]].tolist() == [per_class] * 2
    assert np.array_equal(sample, small_draw(labels, [0, 9], per_class, seed=seed, draw=draw))


@given(labels(), st.integers(1, 10), st.integers(11, 20), st.integers(0, 99))
def test_a_draw_holds_the_smaller_draws_of_its_number(
    labels: NDArray[np.int64], few: int, many: int, draw: int
) -> None:
    small, large = (small_draw(labels, [0, 9], n, seed=0, draw=draw) for n in (few, many))
    assert set(small) < set(large)


def test_draws_differ() -> None:
    digits = np.arange(1000) % 10
    draws = {tuple(small_draw(digits, [0, 9], 10, seed=0, draw=draw)) for draw in range(20)}
    assert len(draws) == 20
    of_seeds = {tuple(small_draw(digits, [0, 9], 10, seed=seed, draw=0)) for seed in range(20)}
    assert len(of_seeds) == 20


def test_splits_of_other_seeds_differ() -> None:
    digits = np.arange(1000) % 10
    splits = {tuple(stratified_split(digits, 0.1, seed, key="x")[1]) for seed in range(20)}
    assert len(splits) == 20


def test_a_draw_larger_than_its_class_is_refused() -> None:
    with pytest.raises(UserError, match=r"sample_sizes: has 3, .* has 2 digits of class 9"):
        small_draw(np.array([0, 0, 0, 9, 9]), [0, 9], 3, seed=0, draw=0)


def test_relabelling_gives_positions_in_the_list_of_classes() -> None:
    digits = Digits(torch.zeros(4, 32, 32, 3, dtype=torch.uint8), torch.tensor([9, 0, 0, 9]))
    assert relabelled(digits, [9, 0]).labels.tolist() == [0, 1, 1, 0]
