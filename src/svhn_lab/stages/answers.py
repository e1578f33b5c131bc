"""What tested networks took each test digit for, kept by content key: for paired tests."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svhn_lab.data.batches import Labels
from svhn_lab.errors import UserError
from svhn_lab.stages.layout import ANSWERS, CONTESTS_ANSWERS, CONTESTS_GRAPH
from svhn_lab.tracking.files import replacing


def save_answers(file: Path, labels: Labels, classes: Iterable[dict[str, Labels]]) -> None:
    """Writes an .npz: as `labels`, what the test digits are (N,); by content key, what each network
    takes them for (N,)."""
    arrays: dict[str, Any] = {
        key: taken_for.astype(np.uint16) for each in classes for key, taken_for in each.items()
    }
    with replacing(file) as beside, beside.open("wb") as out:
        np.savez(out, labels=labels.astype(np.uint16), **arrays)


def right_answers(key: str) -> NDArray[np.bool_]:
    """Which of the test digits the run with this key gets right. Raises UserError if it has not
    been tested."""
    for file in (ANSWERS, CONTESTS_ANSWERS):
        if file.exists():
            with np.load(file) as answers:
                if key in answers:
                    right: NDArray[np.bool_] = answers[key] == answers["labels"]
                    return right
    raise UserError(
        f"{ANSWERS}: has no answers of the run {key}; make them with `dvc repro evaluate`, or, of "
        f"who competes, with `dvc repro {CONTESTS_GRAPH}:contests`"
    )
