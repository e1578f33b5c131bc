"""checkpoints.py: a run broken off after any epoch ends with the bits of one that was not."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recipes import recipe

from svhn_lab.data.batches import Digits, channel_statistics
from svhn_lab.nets import zoo
from svhn_lab.training.checkpoints import Checkpoints
from svhn_lab.training.features import fit_behind_front
from svhn_lab.training.fit import Epoch, fit

RANDOM = torch.Generator().manual_seed(0)
DIGITS = Digits(
    torch.randint(0, 256, (40, 32, 32, 3), dtype=torch.uint8, generator=RANDOM),
    torch.randint(0, 10, (40,), generator=RANDOM),
)
STATISTICS = channel_statistics(DIGITS.images)
EPOCHS = 4


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@dataclass
class Disk:
    """What survives a killed run."""

    content: bytes | None = None
    num_written: int = 0

    def write(self, content: bytes) -> None:
        self.content = content
        self.num_written += 1


def train(
    disk: Disk | None,
    killed_after: int = 0,
    seconds_between: float = 0,
    name: str = "preact",
    taught: bool = False,
    **changes: Any,
) -> tuple[Any, list[Epoch]]:
    """Weights and history, without the clock."""
    net = zoo.build(name, num_classes=10, seed=0)
    told: list[Epoch] = []

    def on_epoch(epoch: Epoch) -> None:
        told.append(epoch)
        if epoch.epoch == killed_after:
            raise Killed

    kept = Checkpoints(disk.content, disk.write, seconds_between) if disk else None
    settings = recipe(epochs=EPOCHS, **changes)
    teachers = [zoo.build("baseline", num_classes=10, seed=1 + n) for n in range(2 * taught)]
    history = fit(
        net,
        settings,
        DIGITS,
        DIGITS,
        STATISTICS,
        seed=3,
        on_epoch=on_epoch,
        checkpoints=kept,
        teachers=teachers,
    )
    assert told == history
    return net.state_dict(), history


def without_clock(history: list[Epoch]) -> list[dict[str, float]]:
    return [{k: v for k, v in vars(epoch).items() if k != "seconds"} for epoch in history]


# All that has a state: momentum and variance, a schedule, chance in augmentation, in mining and in
# layers, whose turn it is to teach.
RECIPES = [
    {"learning_rate_decay": 0.5, "crop_padding": 4},
    {"optimizer": "sgd", "momentum": 0.9, "mining": "random", "mining_from": 2},
    {"optimizer": "rmsprop", "rotation": 10, "mining": "hard", "mining_from": 1},
    {"optimizer": "adamw", "precision": "bfloat16"},
    {"optimizer": "muon"},
    {"name": "polar"},
    {"taught": True},
    {"schedule": "one-cycle", "shift": 2, "colour": 0.3, "inversion": 0.5, "cutout": 6},
    {"blur": 1, "noise": 0.1},
]


@pytest.mark.parametrize("changes", RECIPES)
@pytest.mark.parametrize("killed_after", [1, 3])
def test_killed_after_an_epoch_it_ends_with_the_same_bits(
    changes: dict[str, Any], killed_after: int
) -> None:
    weights, history = train(None, **changes)
    disk = Disk()
    with pytest.raises(Killed):
        train(disk, killed_after, **changes)
    assert disk.num_written == killed_after
    resumed, resumed_history = train(disk, **changes)
    assert disk.num_written == EPOCHS, "no epoch was trained twice"
    assert without_clock(resumed_history) == without_clock(history)
    assert all(torch.equal(resumed[name], weights[name]) for name in weights)


@given(kills=st.lists(st.integers(1, EPOCHS - 1), max_size=3))
@settings(max_examples=5)
def test_however_often_it_is_killed(kills: list[int]) -> None:
    disk = Disk()
    for killed_after in kills:
        with pytest.raises(Killed):
            train(disk, killed_after)
    weights, history = train(disk)
    plain, plain_history = train(None)
    assert without_clock(history) == without_clock(plain_history)
    assert all(torch.equal(weights[name], plain[name]) for name in plain)


def test_what_was_done_is_not_trained_again() -> None:
    disk = Disk()
    weights, history = train(disk)
    again, same = train(disk)
    assert same == history, "to the clock"
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_quick_epochs_are_kept_once_in_a_while_and_the_last_one_always() -> None:
    disk = Disk()
    train(disk, seconds_between=3600)
    assert disk.num_written == 2, "the first, and the last; the others are quicker than an hour"


def test_behind_a_frozen_front_as_well() -> None:
    from svhn_lab.nets.freezing import freeze

    def tuned(disk: Disk | None, killed_after: int = 0) -> Any:
        net = freeze(zoo.build("preact", num_classes=10, seed=0), range(5))

        def on_epoch(epoch: Epoch) -> None:
            if epoch.epoch == killed_after:
                raise Killed

        fit_behind_front(
            net,
            recipe(epochs=EPOCHS),
            DIGITS,
            DIGITS,
            STATISTICS,
            seed=3,
            on_epoch=on_epoch,
            checkpoints=Checkpoints(disk.content, disk.write) if disk else None,
        )
        return net.state_dict()

    disk = Disk()
    with pytest.raises(Killed):
        tuned(disk, killed_after=1)
    resumed, plain = tuned(disk), tuned(None)
    assert all(torch.equal(resumed[name], plain[name]) for name in plain)
