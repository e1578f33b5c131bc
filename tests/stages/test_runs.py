"""runs.py: what makes a run another one, and what it is trained by."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from left import manifest
from recipes import recipe

from svhn_lab.data.batches import Digits
from svhn_lab.nets import zoo
from svhn_lab.stages.runs import run
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Record
from svhn_lab.training.fit import Epoch

DIGITS = Digits(torch.zeros(4, 32, 32, 3, dtype=torch.uint8), torch.arange(4))


RUN = Identity("train", "a", 3)


def ran(identity: Identity = RUN, **changes: Any) -> tuple[Record, int]:
    """The record of a run that is not trained, and the seed that it would have been trained by."""
    seeds: list[int] = []

    def noting(*_: Any, seed: int, **__: Any) -> list[Epoch]:
        seeds.append(seed)
        return []

    given: dict[str, Any] = {
        "recipe": recipe(),
        "settings": {"stage": "train"},
        "manifest": manifest(),
    } | changes
    net = zoo.build("baseline", num_classes=10, seed=0)
    run(identity, net, train=DIGITS, validation=DIGITS, train_by=noting, **given)
    [seed] = seeds
    return record.read(identity), seed


def test_the_same_is_the_same_run_and_its_seed_trains_it(project: Path) -> None:
    (first, seed), (again, _) = ran(), ran()
    assert first.key == again.key
    assert seed == first.params["seed"] == 3


def test_a_draw_is_trained_by_its_own_number(project: Path) -> None:
    """So that draws that begin with one pretrained network have an order each."""
    found, seed = ran(Identity("finetune", "front", 3, draw=7, condition="depth-0"))
    assert seed == 7
    assert (found.params["seed"], found.params["draw"]) == (3, 7)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": recipe(learning_rate=0.5)},
        {"recipe": recipe(precision="bfloat16")},
        {"settings": {"stage": "train", "sample_digest": "other"}},
        {"manifest": replace(manifest(), digest="other")},
        {"identity": Identity("train", "a", 4)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_anything_else_makes_it_another_run(project: Path, changes: dict[str, Any]) -> None:
    assert ran(**changes)[0].key != ran()[0].key


def more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


def another_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "9.9.9")


@pytest.mark.parametrize("other", [more_threads, another_torch])
def test_so_does_what_rounds_another_way(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    other: Callable[[pytest.MonkeyPatch], None],
) -> None:
    before, _ = ran()
    other(monkeypatch)
    assert ran()[0].key != before.key
