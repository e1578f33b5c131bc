"""What lies where: the paths that dvc.yaml names as outs, and how the prepared digits are read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.data.subsets import relabelled
from svhn_lab.errors import UserError

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
MANIFEST = PREPARED / "manifest.json"
DRAWS = PREPARED / "subsets" / "finetune" / "draws.npy"  # (draws, M) indices into train
PREVIEW = Path("results/preview.png")
MODELS = Path("models")
RESULTS = Path("results")
EVALUATION = RESULTS / "evaluation.json"
TIMING = RESULTS / "timing.json"
PAGE = RESULTS / "page"
PLOTS = RESULTS / "plots"
REGISTRATION = RESULTS / "registration.json"


@dataclass(frozen=True)
class Manifest:
    """What is known of the prepared digits; written by `prepare`."""

    name: str  # of the dataset
    official: bool  # whether these are SVHN's own files
    digest: str  # md5 of everything that the splits follow from
    splits: dict[str, int]  # number of digits
    class_counts: dict[str, list[int]]  # by split, of the digits 0..9
    subsets: dict[str, dict[str, int]]  # number of digits by subset and split
    statistics: Statistics

    def dataset(self) -> dict[str, Any]:
        """The part that every run and every result carries."""
        return {"name": self.name, "digest": self.digest, "splits": self.splits}


def load_manifest() -> Manifest:
    """The manifest of the prepared digits. Raises UserError if there is none yet."""
    try:
        content = json.loads(MANIFEST.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{MANIFEST}: not found; make it with `dvc repro prepare`") from None
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


def subset_file(split: str, subset: str) -> Path:
    """Where the indices of a subset (`pretrain` or `finetune`) of a split lie. Those of the test
    split lie with it, so that nothing but `evaluate` depends on them."""
    if split == "test":
        return PREPARED / "test" / f"{subset}.npy"
    return PREPARED / "subsets" / subset / f"{split}.npy"


def load_subset(split: str, subset: str, classes: tuple[int, ...]) -> Digits:
    """The digits of a subset, labelled by the position of their class in `classes`."""
    indices = torch.from_numpy(np.load(subset_file(split, subset)))
    return relabelled(load_digits(split).take(indices), classes)


def load_draw(draw: int, classes: tuple[int, ...]) -> Digits:
    """The small training sample number `draw`, labelled by position in `classes`."""
    indices = torch.from_numpy(np.load(DRAWS)[draw])
    return relabelled(load_digits("train").take(indices), classes)
