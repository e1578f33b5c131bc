"""What the page and the Markdown both show of the results."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from svhn_lab.errors import UserError
from svhn_lab.evidence.selection import best_small_arm
from svhn_lab.params import Params
from svhn_lab.report import study_plots
from svhn_lab.report.formats import changes
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity
from svhn_lab.transfer_params import MAIN_SWEEP

LEVEL = 0.05  # of the paired tests, as of the intervals


def refuse_outdated(
    file: Path,
    entries: Mapping[str, Any],
    runs: dict[str, tuple[list[Identity], dict[str, Any]]],
) -> None:
    """Raises UserError if the runs, by arm or point, are others than those that were evaluated, or
    were made by other settings than these of now."""
    if list(runs) != list(entries):
        raise outdated(file, "dvc repro")
    for name, (identities, settings) in runs.items():
        found = [record.read(identity) for identity in identities]
        same = [run.key for run in found] == entries[name]["keys"]
        if not same or not all(run.was_made_by(settings) for run in found):
            raise outdated(file, "dvc repro")


def outdated(file: Path, remedy: str) -> UserError:
    """That the results in this file are not those of now."""
    return UserError(
        f"{file}: is of other arms, runs or settings than params.yaml and results/ have now; bring "
        f"it up to date with `{remedy}`"
    )


def verdict(name: str, arm: Mapping[str, Any], claims: Mapping[str, Any]) -> str | None:
    """The verdict on what the lab report says of the arm against its reference, if anything."""
    pair = {name, arm["reference"]}
    about = [claim for claim in claims.values() if {claim["arm"], claim["reference"]} == pair]
    return about[0]["verdict"] if about else None


def tables(params: Params, evaluation: dict[str, Any]) -> dict[str, Any]:
    """What the page and the Markdown both show."""
    arms = evaluation["arms"]
    first = next(iter(arms.values()))
    half_widths = [(high - low) / 2 for arm in arms.values() for low, high in arm["test_interval"]]
    return {
        "dataset": evaluation["dataset"],
        "arms": {
            name: arm
            | {
                "changes": changes(params.arms[name], params.training),
                "verdict": verdict(name, arm, evaluation["claims"]),
            }
            for name, arm in arms.items()
        },
        "claims": evaluation["claims"],
        "seeds": first["seeds"],
        "training": params.training,
        "steps": params.training.epochs
        * math.ceil(evaluation["dataset"]["splits"]["train"] / params.training.batch_size),
        "largest_half_width": max(half_widths),
    }


def contest_arms(params: Params, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the page and the Markdown both show of who has competed: entries of contests.json by
    arm, with what sets it apart, who taught it or what it started from, and how long one network
    trained."""
    arms = params.contests.competing
    teachers = dict.fromkeys(params.contests.distilled, params.contests.teachers)
    started = dict.fromkeys(params.contests.adapted, params.contests.pretrained)
    shown = {}
    for name, entry in found.items():
        views, taught_by, pretrained = entry["num_views"], teachers.get(name), started.get(name)
        words = [
            changes(arms[name], params.training),
            params.contests.about.get(name),
            f"test-time augmentation with {views} views" if views > 1 else None,
            f"distilled from {taught_by}" if taught_by else None,
            f"adapted from {pretrained}" if pretrained else None,
        ]
        shown[name] = entry | {
            "changes": "; ".join(filter(None, words)),
            "taught_by": taught_by,
            "pretrained": pretrained,
            "minutes": entry["seconds_per_epoch"] * arms[name].epochs / 60,
        }
    return shown


def best_small(arms: Mapping[str, Any], max_parameters: int) -> dict[str, Any] | None:
    """The arm that is best on validation digits among those of at most so many parameters: its
    name and its entry."""
    name = best_small_arm(arms, max_parameters)
    return None if name is None else {"name": name, "entry": arms[name]}


def told_apart(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Which arms are better than what they are compared with, which are worse, by the interval of
    their own difference; of which it does not tell; and which of the first two are so with Holm's
    correction as well."""
    told: dict[str, list[str]] = {"better": [], "worse": [], "not told": [], "corrected": []}
    for name, arm in arms.items():
        if arm["reference"] is None:
            continue
        low, high = arm["difference_interval"] or (-1, 1)
        told["better" if low > 0 else "worse" if high < 0 else "not told"].append(name)
        if arm["p_holm"] is not None and arm["p_holm"] < LEVEL:
            told["corrected"].append(name)
    return told


def study_tables(
    transfer: dict[str, Any], timing: dict[str, Any], names: list[str]
) -> dict[str, Any]:
    """What the page and the Markdown both show of the freeze-depth study; `names` are those of the
    classes."""
    own_size = transfer["sample_sizes"][0]
    best = transfer["points"][transfer["best"]["point"]]
    return {
        "study": transfer,
        "test_digits": best["test_digits"],
        "best_half_width": np.mean([(high - low) / 2 for low, high in best["test_interval"]]),
        "explanations": [*transfer["explanations"].values(), timing["explanation"]],
        "timing": timing,
        "pretrain_classes": [names[label] for label in transfer["pretrain_classes"]],
        "finetune_classes": [names[label] for label in transfer["finetune_classes"]],
        "sample_size": own_size,
        "points": own_sized(transfer),
        "train_gaps": {
            point: float(np.mean(entry["train_accuracy"])) - entry["mean"]
            for point, entry in transfer["points"].items()
        },
        "size_points": [
            entry
            for entry in transfer["points"].values()
            if entry["sweep"] == MAIN_SWEEP and len(transfer["sample_sizes"]) > 1
        ],
    }


def own_sized(transfer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The points of the study's own sample size, and of all digits."""
    return {
        name: entry
        for name, entry in transfer["points"].items()
        if entry["size"] in (None, transfer["sample_sizes"][0])
    }


def study_figures(transfer: dict[str, Any], timing: dict[str, Any]) -> dict[str, Figure]:
    """The plots of the freeze-depth study by name."""
    tables = study_tables(transfer, timing, transfer["dataset"]["classes"])
    figures = {
        "accuracy-by-depth": study_plots.accuracy_by_depth(
            list(tables["points"].values()), transfer["best"]["depth"], timing["num_units"]
        ),
        "time-by-depth": study_plots.time_by_depth(timing),
        "flops-by-depth": study_plots.flops_by_depth(timing),
        "features-by-unit": study_plots.features_by_unit(transfer["probe"]),
    }
    if tables["size_points"]:
        figures["accuracy-by-depth-and-size"] = study_plots.accuracy_by_depth_and_size(
            tables["size_points"]
        )
    return figures
