"""`show ARM...` (no stage of the graph): the runs of some arms, with their curves."""

import json
from collections.abc import Sequence
from typing import Any

import click
import numpy as np

from svhn_lab.evidence.statistics import mean_interval
from svhn_lab.params import load
from svhn_lab.report.formats import ABSENT, percent, percent_interval, sparkline
from svhn_lab.report.tables import table
from svhn_lab.stages.tested import evaluated, runs, testing
from svhn_lab.tracking.record import Record, read_provenance

HEAD = (
    *("run", "epochs", "training", "validation", "test", "s per epoch"),
    *("loss by epoch", "accuracy by epoch"),  # on validation digits
)


def described(arm: str, of: Sequence[Record]) -> dict[str, Any]:
    """What is known of the arm's runs; accuracies are fractions."""
    entry = evaluated(arm, list(of))
    test = entry["test_accuracy"] if entry else [None] * len(of)
    return {
        "arm": arm,
        "parameters": of[0].num_parameters["total"],
        "tested": entry is not None,
        "tested_by": testing(of),
        "runs": [
            {
                "name": run.identity.name,
                "seed": run.identity.seed,
                "failure": run.failure,
                "seconds_per_epoch": float(
                    np.median(read_provenance(run.identity).seconds_per_epoch or [0])
                ),
                "test_accuracy": accuracy,
                "curves": run.curves,
            }
            for run, accuracy in zip(of, test, strict=True)
        ],
    }


def mean_and_interval(accuracies: Sequence[float]) -> str:
    """In percent, with the 95 % t interval if there is one."""
    interval = mean_interval(accuracies)
    if interval:  # which may reach beyond what a share can be
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    band = f" ({percent_interval(interval)})" if interval else ""
    return f"{percent(float(np.mean(accuracies)))}{band}"


def text(found: dict[str, Any]) -> str:
    """An arm as a table, and what it comes to."""
    rows = []
    for run in found["runs"]:
        curves = run["curves"]
        if run["failure"] or not curves:
            failed = run["failure"] or ABSENT
            rows.append((run["name"], str(len(curves)), *[ABSENT] * 4, ABSENT, failed))
            continue
        last, accuracies = curves[-1], [row["validation_accuracy"] for row in curves]
        losses = [row["validation_loss"] for row in curves]
        rows.append(
            (
                run["name"],
                str(len(curves)),
                percent(last["train_accuracy"]),
                percent(last["validation_accuracy"]),
                percent(run["test_accuracy"]),
                f"{run['seconds_per_epoch']:.2f}",
                f"{sparkline(losses)} {min(losses):.3f} to {max(losses):.3f}",
                f"{sparkline(accuracies)} {percent(min(accuracies))} to {percent(max(accuracies))}",
            )
        )
    lines = [f"{found['arm']}: {found['parameters']:,} parameters", table(HEAD, rows)]
    finished = [run for run in found["runs"] if run["curves"] and not run["failure"]]
    if finished:
        last = [run["curves"][-1]["validation_accuracy"] for run in finished]
        lines.append(f"validation, n = {len(last)} seeds: {mean_and_interval(last)}")
    if found["tested"]:
        tested = [run["test_accuracy"] for run in found["runs"]]
        lines.append(f"test, n = {len(tested)} seeds: {mean_and_interval(tested)}")
    else:
        lines.append(f"not tested; `dvc repro {found['tested_by']}` tests it")
    return "\n".join(lines)


def main(arms: Sequence[str], *, as_json: bool) -> None:
    """Prints the arms. Raises UserError if one is not known, or has not been trained."""
    params = load()
    found = [described(arm, runs(params, arm)) for arm in arms]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo("\n\n".join(text(each) for each in found))
