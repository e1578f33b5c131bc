"""Curves of several seeds as one band."""

from collections.abc import Sequence
from typing import Any

import numpy as np

SHOWN = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")


def seed_bands(runs: Sequence[Sequence[dict[str, float]]]) -> dict[str, Any]:
    """Of an arm's curves, one a seed with an entry an epoch: the epochs, and of each of SHOWN the
    mean over seeds, the lowest and the highest."""
    found: dict[str, Any] = {
        "seeds": len(runs),
        "epochs": [int(row["epoch"]) for row in runs[0]],
    }
    for name in SHOWN:
        values = np.array([[row[name] for row in run] for run in runs])  # (seeds, epochs)
        found[name] = {
            "mean": values.mean(0).tolist(),
            "low": values.min(0).tolist(),
            "high": values.max(0).tolist(),
        }
    return found


def table(band: dict[str, Any], kind: str) -> str:
    """The means over seeds of `loss` or `accuracy` as tab-separated rows, one an epoch."""
    rows = zip(
        band["epochs"],
        *(band[f"{split}_{kind}"]["mean"] for split in ("train", "validation")),
        strict=True,
    )
    lines = ["epoch\ttrain\tvalidation", *("\t".join(map(repr, row)) for row in rows)]
    return "\n".join(lines) + "\n"
