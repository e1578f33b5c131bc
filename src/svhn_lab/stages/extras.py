"""What finished runs show in MLflow besides their records: test figures; on the runs that stand for
several, the plots, and at each depth of the freeze-depth study what it costs. All of it is read
from the stages' results, by content key: a run made anew since then gets none of it. (Costs are of
a network's depths, whichever run it was, and are taken by those.)"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from svhn_lab.stages.layout import (
    CONTESTS,
    CONTESTS_STAGE,
    EVALUATION,
    PLOTS,
    PLOTS_OF,
    TIMING,
    TRANSFER,
    read_json,
)
from svhn_lab.tracking.reconcile import Extras


def figures_by_key(
    entries: Iterable[Mapping[str, Any]],
) -> dict[str, dict[str, float]]:
    """By content key, what the mirror image of a tested run shows: accuracy and its Wilson
    interval; of a run that stands for several, their mean and its t interval."""
    figures = {}
    for entry in entries:
        for key, accuracy, (low, high) in zip(
            entry["keys"], entry["test_accuracy"], entry["test_interval"], strict=True
        ):
            figures[key] = {
                "test_accuracy": accuracy,
                "test_accuracy_low": low,
                "test_accuracy_high": high,
            }
        if "whole_key" in entry:
            mean = {"test_accuracy_mean": entry["mean"]}
            if entry["interval"]:
                low, high = entry["interval"]
                mean |= {"test_accuracy_mean_low": low, "test_accuracy_mean_high": high}
            figures[entry["whole_key"]] = mean
    return figures


def tested(evaluation: Mapping[str, Any], transfer: Mapping[str, Any]) -> list[Any]:
    """Every entry of evaluation.json and transfer.json."""
    groups = (evaluation["arms"], transfer["points"], transfer["diversity"])
    return [entry for group in groups for entry in group.values()]


def costs(row: Mapping[str, Any]) -> dict[str, float]:
    """A row of timing.json as metrics: medians, operations, bytes."""
    found = {}
    for mode in ("as_is", "frozen_features"):
        for name, value in row[mode].items():
            if name.endswith(("_ms_per_batch", "_per_epoch")):
                found[f"cost/{mode}/{name}"] = value[1]
            elif name != "training_seconds":
                found[f"cost/{mode}/{name}"] = float(value)
    return found


def on_disk() -> Extras:
    """Of everything that has been evaluated and timed by now. Raises UserError if something of it
    is damaged."""
    contests = _if_there(CONTESTS, CONTESTS_STAGE)
    figures = figures_by_key(contests["arms"].values() if contests else ())
    if not (EVALUATION.exists() and TRANSFER.exists()):
        return Extras(figures, {})
    evaluation, transfer = read_json(EVALUATION, "evaluate"), read_json(TRANSFER, "evaluate")
    figures |= figures_by_key(tested(evaluation, transfer))
    plots = _if_there(PLOTS_OF, "report") or {}
    files = {key: [PLOTS / name for name in names] for key, names in plots.items()}
    timing = _if_there(TIMING, "timing")
    depths = timing["depths"] if timing and timing["net"] == transfer["net"] else {}
    for name in transfer["own_points"]:
        point = transfer["points"][name]
        if row := depths.get(str(point["number"])):
            figures[point["whole_key"]] |= costs(row)
            files.setdefault(point["whole_key"], []).append(TIMING)
    return Extras(figures, files)


def _if_there(path: Path, stage: str) -> Any:
    return read_json(path, stage) if path.exists() else None
