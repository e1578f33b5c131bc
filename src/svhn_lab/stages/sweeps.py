"""The points of the transfer study's sweeps: what is frozen, how many digits, which recipe."""

import math
from dataclasses import dataclass
from typing import Any

from svhn_lab.nets.freezing import Freezing
from svhn_lab.recipes import Recipe
from svhn_lab.transfer_params import Transfer


@dataclass(frozen=True)
class Point:
    """One point of a sweep."""

    sweep: str
    freezing: Freezing
    number: int  # units frozen; with `only`, the one that is not
    size: int | None  # digits of each class in the sample; None for all

    @property
    def setting(self) -> str:
        """What is frozen: `depth-3`, or `only-3`."""
        return f"{'only' if self.freezing == 'only' else 'depth'}-{self.number}"

    @property
    def condition(self) -> str:
        """The point's name within its sweep."""
        return f"{self.setting}/size-{self.size or 'all'}"


def points(transfer: Transfer, name: str) -> list[Point]:
    """Every point of a sweep, the first sample size first."""
    sweep = transfer.sweeps[name]
    sizes: tuple[int | None, ...] = (None,)
    if sweep.sample == "small":
        sizes = transfer.sample_sizes[: None if sweep.sizes == "every" else 1]
    freezing: Freezing = sweep.direction if sweep.only is None else "only"
    numbers = sweep.depths or sweep.only or ()
    return [Point(name, freezing, number, size) for size in sizes for number in numbers]


def as_many_steps(epochs: int, digits: int, others: int, batch_size: int) -> int:
    """The number of epochs, at least one, in which so many other digits make about as many steps
    as the digits in theirs."""
    per_epoch, of_others = (math.ceil(number / batch_size) for number in (digits, others))
    return max(1, round(epochs * per_epoch / of_others))


def recipe(point: Point, transfer: Transfer) -> Recipe:
    """The sweep's recipe, for as many steps on other sample sizes as on the first, rounded to
    whole epochs."""
    sweep = transfer.sweeps[point.sweep]
    plain = {name: getattr(sweep, name) for name in Recipe.model_fields}
    if point.size is not None:
        first, own = (
            size * len(transfer.finetune_classes) for size in (transfer.sample_sizes[0], point.size)
        )
        plain["epochs"] = as_many_steps(sweep.epochs, first, own, sweep.batch_size)
    return Recipe.model_construct(**plain)


def settings(point: Point, transfer: Transfer) -> dict[str, Any]:
    """What the recipe does not say of a run at a point."""
    sweep = transfer.sweeps[point.sweep]
    return {
        "stage": "finetune",
        "net": transfer.net,
        "start": sweep.start,
        "freezing": point.freezing,
        "only_unit" if point.freezing == "only" else "freeze_depth": point.number,
        "norm_policy": sweep.norm_policy,
        "classes": list(transfer.finetune_classes),
        "samples_per_class": point.size or "all",
        "frozen_features": transfer.frozen_features,  # which may round the last batch another way
    }
