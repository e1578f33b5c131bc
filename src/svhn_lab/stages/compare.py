"""`compare ARM ARM` (no stage of the graph): whether one arm is better than another, seed by seed
on the same digits."""

import json
from dataclasses import asdict
from typing import Any

import click

from svhn_lab.errors import UserError
from svhn_lab.evidence.statistics import mcnemar_test, paired_difference
from svhn_lab.params import load
from svhn_lab.report.formats import p_value, percent, points, points_interval
from svhn_lab.report.tables import table
from svhn_lab.stages.answers import right_answers
from svhn_lab.stages.tested import evaluated, runs, testing
from svhn_lab.tracking.record import Record


def tested(arm: str, of: list[Record]) -> dict[str, Any]:
    """The entry of the arm's tests. Raises UserError if it has not been tested."""
    entry = evaluated(arm, of)
    if entry is None:
        raise UserError(f"{arm}: has not been tested; `dvc repro {testing(of)}` tests it")
    return entry


def mcnemar(first: dict[str, Any], second: dict[str, Any]) -> list[float]:
    """The p value for each pair of networks, on the test images themselves."""
    return [
        mcnemar_test(right_answers(one), right_answers(other))
        for one, other in zip(first["keys"], second["keys"], strict=True)
    ]


def compared(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """First minus second, of entries with the same seeds; fractions of the test digits."""
    difference = paired_difference(first["test_accuracy"], second["test_accuracy"])
    return {
        "seeds": first["seeds"],
        "test_accuracy": [first["test_accuracy"], second["test_accuracy"]],
        "parameters": [first["parameters"], second["parameters"]],
        **{f"difference_{name}": value for name, value in asdict(difference).items()},
        "p_mcnemar": mcnemar(first, second),
    }


def text(first: str, second: str, found: dict[str, Any]) -> str:
    """As a table, one row a seed, and what it comes to."""
    ours, theirs = found["test_accuracy"]
    rows = [
        (str(seed), percent(one), percent(other), points(one - other), p_value(p))
        for seed, one, other, p in zip(
            found["seeds"], ours, theirs, found["p_mcnemar"], strict=True
        )
    ]
    mean, interval = found["difference_mean"], found["difference_interval"]
    return "\n".join(
        [
            table(("seed", first, second, "difference (points)", "p (McNemar)"), rows),
            f"{first} minus {second}: {points(mean)} points"
            + (f" (95 % t interval {points_interval(interval)})" if interval else "")
            + f", n = {len(rows)} seeds",
            f"p: paired t {p_value(found['difference_p_t'])}, "
            f"sign flips {p_value(found['difference_p_sign_flip'])}; one comparison, not corrected",
        ]
    )


def main(first: str, second: str, *, as_json: bool) -> None:
    """Prints the paired difference in test accuracy. Raises UserError if an arm is not known, has
    not been tested, or has other seeds or digits than the other."""
    params = load()
    ours, theirs = (tested(arm, runs(params, arm)) for arm in (first, second))
    if ours["seeds"] != theirs["seeds"]:
        raise UserError(
            f"{first} has seeds {ours['seeds']}, {second} {theirs['seeds']}: they are compared "
            "seed by seed; give `seeds` and `contests.seeds` in params.yaml the same"
        )
    if ours["dataset"] != theirs["dataset"]:
        raise UserError(
            f"{first} and {second} were trained or tested on other digits; bring both up to date "
            f"with `dvc repro {testing(runs(params, first))} {testing(runs(params, second))}`"
        )
    found = compared(ours, theirs)
    if as_json:
        click.echo(json.dumps({"arms": [first, second], **found}, indent=2))
    else:
        click.echo(text(first, second, found))
