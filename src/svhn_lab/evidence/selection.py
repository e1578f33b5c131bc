"""Which arm is the best, and which freeze depth, judged on validation digits alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def best_small_arm(arms: Mapping[str, Mapping[str, Any]], max_parameters: int) -> str | None:
    """The arm (of evaluation.json's `arms`) with the highest mean validation accuracy among those
    of at most `max_parameters`; the first of equals; None if none is small enough."""
    small = [name for name, arm in arms.items() if arm["parameters"] <= max_parameters]
    return max(small, key=lambda name: np.mean(arms[name]["validation_accuracy"]), default=None)


def best_run(entry: Mapping[str, Any]) -> int:
    """Which of an entry's runs has the highest validation accuracy; the first of equals."""
    return int(np.argmax(entry["validation_accuracy"]))


def deepest_within(accuracies: Mapping[int, Sequence[float]], margin: float) -> int:
    """The deepest of some freeze depths whose mean accuracy is no more than `margin` below the
    highest mean: the cheapest to train among those that are as good."""
    means = {depth: float(np.mean(values)) for depth, values in accuracies.items()}
    return max(depth for depth, mean in means.items() if mean >= max(means.values()) - margin)


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Those of some (cost, value) points that no other one beats, by being as cheap and better, or
    cheaper and as good; the cheapest first."""
    front: list[str] = []
    highest = -np.inf
    for name, (_, value) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if value > highest:
            front.append(name)
            highest = value
    return front
