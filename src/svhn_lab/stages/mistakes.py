"""Test digits that networks get wrong, with their images: chosen and written by the stages that
test, read by the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from svhn_lab.data.batches import Digits, Labels
from svhn_lab.errors import UserError
from svhn_lab.evidence.metrics import most_confident_mistakes
from svhn_lab.tracking.files import replacing

MOST = 24  # of one arm

Probabilities = NDArray[np.float32]  # (test digits, classes)


@dataclass(frozen=True)
class Mistakes:
    """Some test digits, and what they are taken for."""

    digits: NDArray[np.int64]  # which of the test digits
    taken_for: NDArray[np.int64]
    confidence: NDArray[np.float32]


def most_confident(probabilities: Probabilities, labels: Labels) -> Mistakes:
    """What a network is most certain of, and wrong about, the most certain first."""
    digits = most_confident_mistakes(probabilities, labels, MOST)
    said = probabilities[digits]
    return Mistakes(digits, said.argmax(1), said.max(1))


def never_right(answers: Sequence[Probabilities], labels: Labels) -> Mistakes:
    """All that none of several networks gets right, and the class that they take each for together,
    by the mean of what they say of the wrong ones; those first of which they are most certain."""
    wrong = np.all([each.argmax(1) != labels for each in answers], axis=0)
    digits = np.flatnonzero(wrong)
    together = np.mean([each[digits] for each in answers], axis=0)
    together[np.arange(len(digits)), labels[digits]] = 0
    order = np.argsort(-together.max(1), kind="stable")
    return Mistakes(digits[order], together.argmax(1)[order], together.max(1)[order])


def save_mistakes(file: Path, found: Mapping[str, Mistakes], test: Digits) -> None:
    """Writes an .npz: by arm, the first of its mistakes among these test digits, as `ARM/images`
    (M, H, W, 3) uint8, `ARM/labels`, `ARM/taken_for` and `ARM/confidence`, all (M,)."""
    arrays: dict[str, Any] = {}
    for arm, mistakes in found.items():
        wrong = test.take(torch.from_numpy(mistakes.digits[:MOST]))
        arrays |= {
            f"{arm}/images": wrong.images.numpy(),
            f"{arm}/labels": wrong.labels.numpy().astype(np.uint16),
            f"{arm}/taken_for": mistakes.taken_for[:MOST].astype(np.uint16),
            f"{arm}/confidence": mistakes.confidence[:MOST],
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
