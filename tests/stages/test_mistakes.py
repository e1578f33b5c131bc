"""mistakes.py: digits that no network gets right, and those that one is most certain of."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from svhn_lab.data.batches import Digits
from svhn_lab.errors import UserError
from svhn_lab.stages.mistakes import (
    MOST,
    most_confident,
    never_right,
    read_mistakes,
    save_mistakes,
)

LABELS = np.array([0, 1, 2, 0])
ONE = np.array(
    [[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1]], dtype=np.float32
)
OTHER = np.array(
    [[0.2, 0.8, 0.0], [0.5, 0.4, 0.1], [0.0, 0.9, 0.1], [0.1, 0.1, 0.8]], dtype=np.float32
)


def test_the_most_confident_mistakes_are_of_one_network() -> None:
    found = most_confident(ONE, LABELS)
    assert found.digits.tolist() == [2, 3, 1]
    assert found.taken_for.tolist() == [1, 1, 0]
    assert found.confidence.tolist() == pytest.approx([0.8, 0.7, 0.6])


def test_what_no_network_gets_right_is_taken_for_what_they_say_together() -> None:
    found = never_right([ONE, OTHER], LABELS)
    assert found.digits.tolist() == [2, 1, 3], "digit 0 is right by the first"
    assert found.taken_for.tolist() == [1, 0, 2]
    assert found.confidence.tolist() == pytest.approx([0.85, 0.55, 0.45])


def test_it_is_never_taken_for_what_it_is() -> None:
    """Neither network says 0, but together they say nothing more often."""
    one, other = np.array([[0.4, 0.6, 0.0]]), np.array([[0.4, 0.0, 0.6]])
    found = never_right([one.astype(np.float32), other.astype(np.float32)], np.array([0]))
    assert found.digits.tolist() == [0] and found.taken_for.tolist() == [1]


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_more_networks_leave_fewer_digits_that_none_gets_right(number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, 20)
    answers: list[NDArray[np.float32]] = [
        random.dirichlet(np.ones(3), 20).astype(np.float32) for _ in range(number + 1)
    ]
    fewer, more = (set(never_right(some, labels).digits) for some in (answers[:-1], answers))
    assert more <= fewer
    assert more == {d for d in range(20) if all(a[d].argmax() != labels[d] for a in answers)}


def test_what_is_saved_is_read_with_its_images(tmp_path: Path) -> None:
    file = tmp_path / "mistakes.npz"
    images = torch.arange(4 * 2 * 2 * 3, dtype=torch.uint8).reshape(4, 2, 2, 3)
    digits = Digits(images, torch.from_numpy(LABELS))
    none = never_right([np.eye(3, dtype=np.float32)[LABELS]], LABELS)
    save_mistakes(file, {"a": never_right([ONE, OTHER], LABELS), "right": none}, digits)
    first, *_ = found = read_mistakes(file, "a", "evaluate")
    assert len(found) == 3
    assert (first["image"] == images[2].numpy()).all()
    assert (first["label"], first["taken_for"]) == (2, 1)
    assert read_mistakes(file, "right", "evaluate") == []
    with pytest.raises(UserError, match=r"has nothing of 'b'; make it with `dvc repro evaluate`"):
        read_mistakes(file, "b", "evaluate")


def test_only_the_first_are_saved(tmp_path: Path) -> None:
    file, number = tmp_path / "mistakes.npz", MOST + 5
    labels = np.zeros(number, dtype=np.int64)
    wrong = np.tile(np.array([[0.2, 0.8]], dtype=np.float32), (number, 1))
    found = never_right([wrong], labels)
    assert len(found.digits) == number
    images = torch.zeros((number, 2, 2, 3), dtype=torch.uint8)
    save_mistakes(file, {"a": found}, Digits(images, torch.from_numpy(labels)))
    assert len(read_mistakes(file, "a", "evaluate")) == MOST
