"""`report`: the page with what was found, and its plots as files."""

import base64
from typing import Any

import click

from svhn_lab.evidence.selection import best_small_arm
from svhn_lab.params import Params, load
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


def transfer_rows(transfer: dict[str, Any], timing: dict[str, Any]) -> list[dict[str, Any]]:
    """The transfer table: a row for each depth, then the control."""
    rows = [
        {
            "depth": depth,
            **entry,
            "milliseconds": f"{1000 * timing['depths'][depth]['seconds_per_epoch']:.1f}",
        }
        for depth, entry in transfer["pretrained"].items()
    ]
    if transfer["scratch"]:
        rows.append({"depth": "from scratch", **transfer["scratch"], "milliseconds": ""})
    return rows


def tables(params: Params, evaluation: dict[str, Any], timing: dict[str, Any]) -> dict[str, Any]:
    """What the page and the Markdown both show."""
    transfer = params.transfer
    return {
        "dataset": evaluation["dataset"],
        "arms": evaluation["arms"],
        "claims": evaluation["claims"],
        "num_seeds": len(next(iter(evaluation["arms"].values()))["seeds"]),
        "transfer_net": transfer.net,
        "pretrain_classes": transfer.pretrain_classes,
        "finetune_classes": transfer.finetune_classes,
        "samples_per_class": transfer.samples_per_class,
        "transfer_rows": transfer_rows(evaluation["transfer"], timing),
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
    }
    write_text(PAGE / "index.html", page.render(tables(params, evaluation, timing) | only_here))
    click.echo(f"The page: {PAGE / 'index.html'}")
