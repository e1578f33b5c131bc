"""Prepared digits to run a stage's functions on, each of which can be told by its pixels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from toy import change_params

from svhn_lab.stages import prepare
from svhn_lab.stages.layout import RAW
from svhn_lab.tracking.files import write_json

PER_CLASS = 40  # for training and validation, and half as many to test

FEW: dict[str, Any] = {
    "data": {"validation_fraction": 0.2},
    "seeds": [0, 1, 2],
    "training": {"batch_size": 128},
    "transfer": {
        "net": "baseline",
        "draws": 4,
        "sample_sizes": [4],
        "sweeps": {"front": {"depths": [0, 1, 2]}},
        "diversity": {
            "depth": 2,
            "less": [{"classes": "all", "share": 0.1}, {"classes": 2, "share": 0.1}],
        },
    },
}


def numbered(first: int, per_class: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits of 32x32 pixels of ten classes, whose colours are their numbers from `first` on."""
    numbers = first + np.arange(10 * per_class)
    colours = np.stack([numbers % 256, numbers // 256, numbers * 7 % 256], axis=1)
    images = np.broadcast_to(colours[:, None, None], (len(numbers), 32, 32, 3)).astype(np.uint8)
    return images, np.arange(10 * per_class) % 10


def number_of(images: NDArray[np.uint8]) -> list[int]:
    """The numbers of such digits."""
    found: list[int] = (images[:, 0, 0, 0] + 256 * images[:, 0, 0, 1].astype(int)).tolist()
    return found


def leave_prepared(project: Path, extra: int = 0) -> None:
    """What `fetch` and `prepare` leave, of few digits; samples of four of each class. Of each class
    there are so many `extra` ones, with the highest numbers."""
    change_params(project, FEW)
    raw = {
        "train": numbered(0, PER_CLASS),
        "test": numbered(10 * PER_CLASS, PER_CLASS // 2),
    }
    if extra:
        change_params(project, {"data": {"extra": True}})
        raw["extra"] = numbered(15 * PER_CLASS, extra)
    for split, digits in raw.items():
        (RAW / split).mkdir(parents=True)
        images, labels = digits
        np.save(RAW / split / "images.npy", images)
        np.save(RAW / split / "labels.npy", labels)
    source = {"name": "numbered", "official": False, "image_size": 32, "classes": [*"0123456789"]}
    write_json(RAW / "source.json", source)
    prepare.main()
