"""How the stages read what `prepare` made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from svhn_lab.data.batches import Digits, Images, Labels, Statistics
from svhn_lab.data.subsets import relabelled
from svhn_lab.errors import UserError
from svhn_lab.stages.layout import MANIFEST, PREPARED, draws_file, read_json, subset_file


@dataclass(frozen=True)
class Manifest:
    """What is known of the prepared digits; written by `prepare`."""

    name: str  # of the dataset
    official: bool  # whether these are SVHN's own files
    digest: str  # md5 of the digits of all splits
    splits: dict[str, int]  # number of digits
    image_size: int  # pixels
    classes: list[str]  # names, by label
    class_counts: dict[str, list[int]]  # by split and label
    statistics: Statistics

    @property
    def num_classes(self) -> int:
        """Of the whole dataset, which the arms are trained on."""
        return len(self.classes)

    @property
    def network_size(self) -> dict[str, int]:
        """What a network of all classes has to fit, by keyword."""
        return {"num_classes": self.num_classes, "image_size": self.image_size}

    def dataset(self) -> dict[str, Any]:
        """The part that every run and every result carries."""
        return {"name": self.name, "digest": self.digest, "splits": self.splits}


def digest_of(splits: Mapping[str, tuple[Images, Labels]]) -> str:
    """md5 of the digits of these splits, with their labels: other digits have another, however they
    came to be others."""
    digest = hashlib.md5()
    for split, (images, labels) in splits.items():
        digest.update(split.encode())
        digest.update(np.ascontiguousarray(images).data)
        digest.update(np.ascontiguousarray(labels).data)
    return digest.hexdigest()


def images_digest(digits: Digits) -> str:
    """md5 of the images of digits that are not prepared, but chosen or drawn for a run: other ones
    make another run, however they came to be others."""
    return hashlib.md5(digits.images.contiguous().numpy().data).hexdigest()


def load_manifest() -> Manifest:
    """The manifest of the prepared digits. Raises UserError if there is none yet."""
    content = read_json(MANIFEST, "prepare")
    mean, std = content.pop("statistics").values()
    return Manifest(**content, statistics=Statistics(tuple(mean), tuple(std)))


def load_digits(split: str) -> Digits:
    """The digits of a prepared split, mapped into memory: processes share one copy.

    Raises UserError if they have not been prepared yet.
    """
    folder = PREPARED / split
    try:
        # Copy-on-write, as torch takes no read-only array without a warning.
        images, labels = (
            torch.from_numpy(np.load(folder / f"{part}.npy", mmap_mode="c"))
            for part in ("images", "labels")
        )
    except FileNotFoundError:
        raise UserError(f"{folder}: not found; make it with `dvc repro prepare`") from None
    return Digits(images, labels)


def tested_dataset(manifest: Manifest) -> dict[str, Any]:
    """What results say of the digits that networks were trained and tested on."""
    digits = load_digits("test")
    return manifest.dataset() | {
        "official": manifest.official,
        "classes": manifest.classes,
        "test_digest": digest_of({"test": (digits.images.numpy(), digits.labels.numpy())}),
    }


def load_target() -> Digits:
    """The training digits of the raw `train` split alone, without those of `extra`: of the domain
    of the test digits."""
    return load_digits("train").take(_indices(subset_file("train", "target")))


def load_subset(split: str, subset: str, classes: tuple[int, ...]) -> Digits:
    """The digits of a subset, labelled by the position of their class in `classes`."""
    indices = _indices(subset_file(split, subset))
    return relabelled(load_digits(split).take(indices), classes)


def load_draw(draw: int, size: int, classes: tuple[int, ...]) -> Digits:
    """The small training sample number `draw` with so many digits of each class, labelled by
    position in `classes`. Raises UserError if fewer have been prepared."""
    file = draws_file(size)
    draws = _indices(file)
    if draw >= len(draws):
        raise UserError(f"{file}: has {len(draws)} draws; make more with `dvc repro prepare`")
    return relabelled(load_digits("train").take(draws[draw]), classes)


def _indices(path: Path) -> Tensor:
    try:
        return torch.from_numpy(np.load(path))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; make it with `dvc repro prepare`") from None
