"""`report`: the page with what was found, and its plots as files."""

import base64
import math
from typing import Any

import click

from svhn_lab.evidence.selection import best_small_arm
from svhn_lab.params import Arm, Params, Recipe, load
from svhn_lab.report import page, plots
from svhn_lab.stages.layout import (
    EVALUATION,
    PAGE,
    PLOTS,
    PREVIEW,
    TIMING,
    read_json,
)
from svhn_lab.tracking.files import write_bytes, write_text


def transfer_rows(transfer: dict[str, Any]) -> list[dict[str, Any]]:
    """The transfer table: a row for each depth, then the control."""
    rows = [{"depth": depth, **entry} for depth, entry in transfer["pretrained"].items()]
    if transfer["scratch"]:
        rows.append({"depth": "from scratch", **transfer["scratch"]})
    return rows


def changes(arm: Arm, training: Recipe) -> str:
    """The arm's network, and what its recipe changes of the defaults."""
    changed = [
        f"{name.replace('_', ' ')} {getattr(arm, name)}"
        for name in Recipe.model_fields
        if getattr(arm, name) != getattr(training, name)
    ]
    return ", ".join([f"net {arm.net}", *changed])


def tables(params: Params, evaluation: dict[str, Any]) -> dict[str, Any]:
    """What the page and the Markdown both show."""
    transfer = params.transfer
    arms = evaluation["arms"]
    names = evaluation["dataset"]["classes"]
    first = next(iter(arms.values()))
    half_widths = [(high - low) / 2 for arm in arms.values() for low, high in arm["test_interval"]]
    return {
        "dataset": evaluation["dataset"],
        "arms": {
            name: arm | {"changes": changes(params.arms[name], params.training)}
            for name, arm in arms.items()
        },
        "claims": evaluation["claims"],
        "seeds": first["seeds"],
        "training": params.training,
        "steps": params.training.epochs
        * math.ceil(evaluation["dataset"]["splits"]["train"] / params.training.batch_size),
        "largest_half_width": max(half_widths),
        "transfer_net": transfer.net,
        "pretrain_classes": [names[label] for label in transfer.pretrain_classes],
        "finetune_classes": [names[label] for label in transfer.finetune_classes],
        "samples_per_class": transfer.samples_per_class,
        "transfer_rows": transfer_rows(evaluation["transfer"]),
    }


def main() -> None:
    """Writes results/page/index.html and results/plots/."""
    params = load()
    evaluation = read_json(EVALUATION, "evaluate")
    timing = read_json(TIMING, "timing")
    arms, transfer = evaluation["arms"], evaluation["transfer"]
    best = best_small_arm(arms, params.gate.max_parameters)
    figures = {
        "accuracy-by-depth": plots.accuracy_by_depth(transfer, timing["num_units"]),
        "time-by-depth": plots.time_by_depth(timing),
    }
    for name, figure in figures.items():
        write_bytes(PLOTS / f"{name}.png", plots.png(figure))
        write_text(PLOTS / f"{name}.svg", plots.svg(figure))
    only_here = {
        "max_parameters": params.gate.max_parameters,
        "best": None if best is None else {"name": best, "entry": arms[best]},
        "preview": base64.b64encode(PREVIEW.read_bytes()).decode(),
        "accuracy_plot": plots.svg(figures["accuracy-by-depth"]),
        "time_plot": plots.svg(figures["time-by-depth"]),
        "seconds_by_depth": {
            depth: row["seconds_per_epoch"] for depth, row in timing["depths"].items()
        },
    }
    write_text(PAGE / "index.html", page.render(tables(params, evaluation) | only_here))
    click.echo(f"The page: {PAGE / 'index.html'}")
