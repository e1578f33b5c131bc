"""Fine-tuning behind a frozen front: what is fixed there is computed once for all epochs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from svhn_lab.data.augmentation import augments
from svhn_lab.data.batches import Digits, Examples, Statistics, batches
from svhn_lab.nets.blocks import State
from svhn_lab.nets.freezing import Front, split
from svhn_lab.nets.network import Network
from svhn_lab.recipes import Recipe
from svhn_lab.training.checkpoints import Checkpoints
from svhn_lab.training.fit import EVALUATION_BATCH, Epoch, autocast, fit


@dataclass(frozen=True)
class Features:
    """What a front makes of digits, with their classes; stands where Digits may stand."""

    state: State  # (N, ...) each, in the type that the front computes in
    labels: Tensor  # (N,) int64

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor | slice) -> "Features":
        """Those at `indices`: (M,), copied, or a slice, not copied."""
        return Features(tuple(part[indices] for part in self.state), self.labels[indices])

    def inputs(self, _: Statistics) -> State:
        """What the network behind the front takes."""
        return self.state


def features(
    front: Front, digits: Digits, statistics: Statistics, *, precision: str, batch_size: int
) -> Features:
    """What the front makes of the digits, so many at a time."""
    front.eval()
    # No inference_mode: its tensors could not be trained on.
    with torch.no_grad(), autocast(digits.labels.device, precision):
        states = [front(*batch.inputs(statistics)) for batch in batches(digits, batch_size)]
    parts = zip(*states, strict=True)
    return Features(tuple(torch.cat(list(part)) for part in parts), digits.labels)


def computed_once(
    net: Network, recipe: Recipe, train: Digits, validation: Digits, statistics: Statistics
) -> tuple[nn.Module, Examples, Examples]:
    """What is left to train of `net`, and what it takes in the place of the digits: what the fixed
    front makes of them. All three are as they came where nothing in front is fixed, or where the
    recipe augments, so that no two epochs have the same digits."""
    front, rest = split(net)
    if not len(front) or augments(recipe):
        return net, train, validation
    # In batches of the sizes in which they are used, as sums are rounded by the shape of a batch.
    made, seen = (
        features(front, digits, statistics, precision=recipe.precision, batch_size=size)
        for digits, size in ((train, recipe.batch_size), (validation, EVALUATION_BATCH))
    )
    return rest, made, seen


def fit_behind_front(
    net: Network,
    recipe: Recipe,
    train: Digits,
    validation: Digits,
    statistics: Statistics,
    *,
    seed: int,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    checkpoints: Checkpoints | None = None,
) -> list[Epoch]:
    """As `fit`, but that the fixed front of `net` is computed once, and not in every epoch; that
    time is none of an epoch's.

    The result is the same to the bit if the batches divide the training digits evenly. If not, a
    digit that is once in the smaller last batch may be rounded another way there than here."""
    rest, made, seen = computed_once(net, recipe, train, validation, statistics)
    return fit(
        rest,
        recipe,
        made,
        seen,
        statistics,
        seed=seed,
        on_epoch=on_epoch,
        checkpoints=checkpoints,
    )
