"""Which arm is the best, judged on validation digits alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def best_small_arm(arms: Mapping[str, Mapping[str, Any]], max_parameters: int) -> str | None:
    """The arm (of evaluation.json's `arms`) with the highest mean validation accuracy among those
    of at most `max_parameters`; the first of equals; None if none is small enough."""
    small = [name for name, arm in arms.items() if arm["parameters"] <= max_parameters]
    return max(small, key=lambda name: np.mean(arms[name]["validation_accuracy"]), default=None)
