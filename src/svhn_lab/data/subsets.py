"""Which digits go where, as index arrays: the validation split, the digits of some classes, and
the small balanced draws. Everything follows from labels and a seed."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from svhn_lab.data.batches import Digits, Labels
from svhn_lab.errors import UserError

Indices = NDArray[np.int64]


def stratified_split(
    labels: Labels, fraction: float, seed: int, *, key: str
) -> tuple[Indices, Indices]:
    """Sorted indices (kept, held out): disjoint, together everything, `fraction` of every class
    held out. `labels`: (N,).

    Raises UserError, naming `key` of params.yaml, if a class has too few digits to be in both.
    """
    # Every stage reads subsets; only `prepare` cuts, and scikit-learn takes seconds to import.
    from sklearn.model_selection import train_test_split

    everything = np.arange(len(labels))
    try:
        kept, held_out = train_test_split(
            everything, test_size=fraction, stratify=labels, random_state=seed
        )
    except ValueError as failure:
        raise UserError(
            f"params.yaml: {key}: {fraction} of {len(labels)} digits cannot "
            f"be cut with every class in both parts ({failure}); raise it, or take more digits"
        ) from None
    return np.sort(kept), np.sort(held_out)


def of_classes(labels: Labels, classes: Sequence[int]) -> Indices:
    """Sorted indices of the digits whose label is one of `classes`. `labels`: (N,)."""
    return np.flatnonzero(np.isin(labels, classes))


def small_draw(
    labels: Labels, classes: Sequence[int], per_class: int, *, seed: int, draw: int
) -> Indices:
    """Sorted indices of a sample without repeats: `per_class` digits of each class.

    The sample is given by (seed, draw), and holds the smaller samples of the same draw. Raises
    UserError if a class has fewer digits.
    """
    random = np.random.default_rng((seed, draw))
    chosen = []
    for label in classes:
        members = np.flatnonzero(labels == label)
        if len(members) < per_class:
            raise UserError(
                f"params.yaml: transfer.sample_sizes: has {per_class}, but the training split "
                f"has {len(members)} digits of class {label}; lower it, or take more digits"
            )
        chosen.append(random.permutation(members)[:per_class])
    return np.sort(np.concatenate(chosen))


def relabelled(digits: Digits, classes: Sequence[int]) -> Digits:
    """The same digits, labelled by the position of their class in `classes`, which is what a
    network with one output per class takes. Every digit must be of one of the classes."""
    position = torch.full((max(classes) + 1,), -1)
    position[list(classes)] = torch.arange(len(classes))
    return Digits(digits.images, position[digits.labels])
