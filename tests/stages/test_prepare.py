"""prepare.py: the sheet shows every class in its row; subsets fit the data's classes."""

from pathlib import Path

import numpy as np
import pytest
from prepared_lab import PER_CLASS, leave_prepared, number_of

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages.layout import PREPARED
from svhn_lab.stages.prepare import PREVIEW_COLUMNS, preview, subsets
from svhn_lab.stages.prepared import (
    load_digits,
    load_draw,
    load_manifest,
    load_subset,
    load_target,
)
from svhn_lab.transfer_params import Transfer

SHIPPED = load(Path(__file__).parents[2] / "params.yaml").transfer


def test_the_sheet_has_a_row_for_each_class_and_stays_black_where_digits_are_few() -> None:
    labels = np.array([3] * 20 + [0], dtype=np.int64)
    images = np.full((21, 32, 32, 3), 10, dtype=np.uint8)
    images[-1] = 200
    sheet = np.asarray(preview(images, labels, 10))
    assert sheet.shape == (10 * 64, PREVIEW_COLUMNS * 64, 3)
    assert (sheet[3 * 64 : 4 * 64] == 10).all()
    assert (sheet[:64, :64] == 200).all()
    assert sheet[:64, 64:].max() == 0
    assert sheet[64 : 3 * 64].max() == 0 and sheet[4 * 64 :].max() == 0


def chosen(
    pretrain: tuple[int, ...], finetune: tuple[int, ...], num_classes: int
) -> dict[tuple[str, str], list[int]]:
    transfer: Transfer = SHIPPED.model_copy(
        update={"pretrain_classes": pretrain, "finetune_classes": finetune}
    )
    labels = np.arange(2 * num_classes) % num_classes
    images = np.zeros((len(labels), 8, 8, 3), dtype=np.uint8)
    names = [f"kind {label}" for label in range(num_classes)]
    found = subsets(transfer, {"train": (images, labels)}, names)
    return {key: indices.tolist() for key, indices in found.items()}


def test_subsets_are_the_digits_of_their_classes() -> None:
    assert chosen((1, 2), (0, 3), 4) == {
        ("pretrain", "train"): [1, 2, 5, 6],
        ("finetune", "train"): [0, 3, 4, 7],
    }


def test_a_class_that_the_data_lack_is_answered_with_those_they_have() -> None:
    with pytest.raises(UserError, match=r"has no class 8; name two or more of 0 \(kind 0\), 1 "):
        chosen((0, 8), (1, 2), 4)


def test_two_classes_may_be_in_both_subsets_and_four_may_not() -> None:
    assert chosen((0, 1), (0, 1), 2)["finetune", "train"] == [0, 1, 2, 3]
    with pytest.raises(UserError, match=r"classes \[1\] are in pretrain_classes and in finetune"):
        chosen((0, 1), (1, 2), 4)


def test_no_digit_is_in_two_splits_and_the_training_digits_alone_are_measured(
    project: Path,
) -> None:
    leave_prepared(project)
    images = {split: np.load(PREPARED / split / "images.npy") for split in load_manifest().splits}
    numbers = {split: number_of(found) for split, found in images.items()}
    assert {split: len(found) for split, found in numbers.items()} == load_manifest().splits
    every = [number for found in numbers.values() for number in found]
    assert sorted(every) == list(range(15 * PER_CLASS)), "each once"
    assert min(numbers["test"]) == 10 * PER_CLASS
    assert len(numbers["validation"]) == 2 * PER_CLASS
    for split, found in numbers.items():
        assert load_digits(split).labels.tolist() == [number % 10 for number in found]
    mean, std = load_manifest().statistics
    assert mean == pytest.approx(images["train"].mean((0, 1, 2)), rel=1e-4)
    assert std == pytest.approx(images["train"].std((0, 1, 2)), rel=1e-4)


def test_small_draws_are_training_digits_of_the_classes_to_fine_tune_on(project: Path) -> None:
    leave_prepared(project)
    train = number_of(np.load(PREPARED / "train" / "images.npy"))
    draw = load_draw(1, 4, (0, 9))
    numbers = number_of(draw.images.numpy())
    assert set(numbers) <= set(train)
    assert draw.labels.tolist() == [(0, 9).index(number % 10) for number in numbers]
    assert {
        number % 10 for number in number_of(load_subset("test", "finetune", (0, 9)).images.numpy())
    } == {0, 9}


@pytest.mark.parametrize("extra", [0, 30])
def test_the_target_are_the_training_digits_without_extra_ones(project: Path, extra: int) -> None:
    leave_prepared(project, extra)
    train, target = load_digits("train"), load_target()
    numbers = number_of(train.images.numpy())
    of_train = [number for number in numbers if number < 10 * PER_CLASS]
    assert number_of(target.images.numpy()) == of_train
    assert target.labels.tolist() == [number % 10 for number in of_train]
    assert (len(of_train) < len(train)) == bool(extra)
