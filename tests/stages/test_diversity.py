"""diversity.py: what a pretraining on less is given."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from prepared_lab import leave_prepared
from toy import change_params

from svhn_lab.data.batches import Digits
from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.recipes import Recipe
from svhn_lab.stages import diversity, pretrain
from svhn_lab.stages.diversity import (
    chosen_classes,
    finetunings,
    name,
    part,
    point,
    pretrain_one,
    pretrainings,
)
from svhn_lab.transfer_params import LessPretraining

SHIPPED = load(Path(__file__).parents[2] / "params.yaml")
DIGITS = Digits(torch.arange(80, dtype=torch.uint8).reshape(80, 1, 1, 1), torch.arange(80) % 8)


@given(st.integers(2, 8), st.integers(0, 999))
def test_so_many_classes_of_those_to_pretrain_on_by_the_seed(count: int, seed: int) -> None:
    less = LessPretraining(classes=count, share=0.1)
    chosen = chosen_classes(less, SHIPPED.transfer, seed)
    assert len(set(chosen)) == count and set(chosen) <= set(SHIPPED.transfer.pretrain_classes)
    assert chosen == tuple(sorted(chosen)) == chosen_classes(less, SHIPPED.transfer, seed)


def test_seeds_choose_other_classes() -> None:
    less = LessPretraining(classes=2, share=0.1)
    assert len({chosen_classes(less, SHIPPED.transfer, seed) for seed in range(30)}) > 10


@given(st.integers(1, 20), st.integers(0, 99))
def test_a_part_is_of_its_classes_without_repeats_relabelled(number: int, seed: int) -> None:
    found = part(DIGITS, (3, 5), number, seed, "key")
    originals = found.images.flatten().tolist()
    assert len(set(originals)) == len(found) == number
    assert [(3, 5)[label] for label in found.labels] == [original % 8 for original in originals]


def test_more_digits_than_there_are_is_answered_with_how_many_there_are() -> None:
    with pytest.raises(UserError, match=r"key: asks for 21 .* \[3, 5\], which have 20; lower its"):
        part(DIGITS, (3, 5), 21, 0, "key")
    with pytest.raises(UserError, match=r"key: its share of 80 digits is none; raise it"):
        part(DIGITS, (3, 5), 0, 0, "key")


def test_runs_are_paired_with_the_whole_pretraining_and_its_draws() -> None:
    less = SHIPPED.transfer.diversity.less[0]
    assert name(less, SHIPPED.transfer) == "8-classes-10-percent"
    assert less.classes == "all"
    assert [run.seed for run in pretrainings(SHIPPED, less)] == list(SHIPPED.seeds)
    tuned = finetunings(SHIPPED, less)
    assert [(run.draw, run.seed) for run in tuned[:4]] == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert tuned[0].name == "diversity/8-classes-10-percent/finetune/draw-0"
    here = point(SHIPPED.transfer)
    assert (here.sweep, here.number, here.size) == ("front", SHIPPED.transfer.diversity.depth, 50)


def test_pretraining_on_less_takes_as_many_steps(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []

    def counting(run: Any, net: Any, recipe: Recipe, settings: Any, train: Digits, *_: Any) -> Any:
        steps.append(recipe.epochs * math.ceil(len(train) / recipe.batch_size))
        return run

    monkeypatch.setattr(diversity, "run", counting)
    monkeypatch.setattr(pretrain, "run", counting)
    leave_prepared(project)
    change_params(project, {"training": {"epochs": 6}})
    params = load()
    pretrain.pretrain_one((pretrain.identities(params)[0], params.transfer))
    for less in params.transfer.diversity.less:
        pretrain_one((pretrainings(params, less)[0], less, params.transfer))
    # 256 digits are two batches of 128, a tenth of them is one.
    assert steps == [12, 12, 12]
