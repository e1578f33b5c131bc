"""Test digits that networks get wrong, with their images: written by the stages that test, read by
the page, which opens no test digits itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svhn_lab.errors import UserError
from svhn_lab.tracking.files import replacing

MOST_SHOWN = 24  # of one arm


def save_mistakes(
    file: Path,
    found: Mapping[str, Any],
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
) -> None:
    """Writes an .npz: by arm, the first of its mistakes (`evidence.mistakes.Mistakes`) among these
    test digits, as `ARM/images` (M, H, W, 3) uint8, `ARM/labels`, `ARM/taken_for` and
    `ARM/confidence`, all (M,)."""
    arrays: dict[str, Any] = {}
    for arm, mistakes in found.items():
        wrong = mistakes.images[:MOST_SHOWN]
        arrays |= {
            f"{arm}/images": images[wrong],
            f"{arm}/labels": labels[wrong].astype(np.uint16),
            f"{arm}/taken_for": mistakes.taken_for[:MOST_SHOWN].astype(np.uint16),
            f"{arm}/confidence": mistakes.confidence[:MOST_SHOWN],
        }
    with replacing(file) as beside, beside.open("wb") as out:
        np.savez(out, **arrays)


def read_mistakes(file: Path, arm: str, stage: str) -> list[dict[str, Any]]:
    """The arm's mistakes in a file of `save_mistakes`: image, label, what it is taken for, and how
    certainly. Raises UserError naming the stage that makes the file if it has none of the arm."""
    try:
        with np.load(file) as found:
            parts = [found[f"{arm}/{p}"] for p in ("images", "labels", "taken_for", "confidence")]
    except (FileNotFoundError, KeyError):
        raise UserError(
            f"{file}: has nothing of {arm!r}; make it with `dvc repro {stage}`"
        ) from None
    names = ("image", "label", "taken_for", "confidence")
    return [dict(zip(names, each, strict=True)) for each in zip(*parts, strict=True)]
