"""`evaluate`: the only stage that opens the test digits. Every finished network is tested once, on
its last epoch's weights; nothing is chosen here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.errors import UserError
from svhn_lab.evidence.statistics import mean_interval, wilson_interval
from svhn_lab.params import SCRATCH, Params, Recipe, load
from svhn_lab.stages import finetune, train
from svhn_lab.stages.layout import EVALUATION
from svhn_lab.stages.mirroring import mirror
from svhn_lab.stages.prepared import load_digits, load_manifest, load_subset
from svhn_lab.stages.runs import load_model
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fan_out import one_thread
from svhn_lab.training.fit import predict


@dataclass(frozen=True)
class Group:
    """Runs that are summed up together: the seeds of an arm, or the draws at a freeze depth."""

    name: str
    identities: list[Identity]
    net: str
    recipe: Recipe
    num_classes: int


def arm_groups(params: Params, num_classes: int) -> dict[str, Group]:
    """By arm, its runs."""
    return {
        name: Group(f"train/{name}", train.identities(params, name), arm.net, arm, num_classes)
        for name, arm in params.arms.items()
    }


def depth_groups(params: Params) -> dict[str, Group]:
    """By freeze depth, `scratch` among them, its runs."""
    transfer = params.transfer
    return {
        str(depth): Group(
            f"finetune/{depth}",
            finetune.identities(params, depth),
            transfer.net,
            transfer.finetune,
            len(transfer.finetune_classes),
        )
        for depth in transfer.depths
    }


def test_accuracy(identity: Identity, group: Group, test: Digits, statistics: Statistics) -> float:
    """The fraction of test digits that the run's network gets right, computed as it was trained.

    Raises UserError if the run failed.
    """
    if failure := record.read(identity).failure:
        raise UserError(
            f"{identity.name}: {failure}; mend its recipe in params.yaml, "
            f"then `dvc repro {identity.dvc_stage}`"
        )
    net = load_model(identity, group.net, num_classes=group.num_classes, image_size=32)
    logits = predict(net, test, statistics, precision=group.recipe.precision)
    return int((logits.argmax(1) == test.labels).sum()) / len(test)


def summary(group: Group, accuracies: Sequence[float], num_test: int) -> dict[str, Any]:
    """The group's entry in evaluation.json."""
    records = [record.read(identity) for identity in group.identities]
    counts = records[0].num_parameters
    draws = [identity.draw for identity in group.identities if identity.draw is not None]
    interval = mean_interval(accuracies)
    return {
        "parameters": counts["total"],
        "trainable_parameters": counts["trainable"],
        "seeds": [identity.seed for identity in group.identities],
        **({"draws": draws} if draws else {}),
        "keys": [run.key for run in records],
        "validation_accuracy": [run.metrics["validation_accuracy"] for run in records],
        "test_accuracy": list(accuracies),
        "test_digits": num_test,
        "mean": float(np.mean(accuracies)),
        # A fraction is no less than 0 and no more than 1, though a t interval may be.
        "interval": None if interval is None else np.clip(interval, 0, 1).tolist(),
    }


def tested(group: Group, test: Digits, statistics: Statistics) -> dict[str, Any]:
    """Tests every run of the group, says and gives the summary."""
    accuracies = [test_accuracy(run, group, test, statistics) for run in group.identities]
    entry = summary(group, accuracies, len(test))
    interval = entry["interval"]
    band = f", 95 % t interval {interval[0]:.2%} to {interval[1]:.2%}" if interval else ""
    click.echo(f"{group.name}: test accuracy {entry['mean']:.2%} (n = {len(accuracies)}{band})")
    return entry


def figures_by_key(evaluation: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By content key, what the mirror image of a tested run shows: accuracy and its Wilson
    interval. A run that was made anew since the evaluation has another key, and none of these."""
    transfer = evaluation["transfer"]
    entries = [*evaluation["arms"].values(), *transfer["pretrained"].values()]
    entries += [transfer["scratch"]] if transfer["scratch"] else []
    figures = {}
    for entry in entries:
        num_test = entry["test_digits"]
        for key, accuracy in zip(entry["keys"], entry["test_accuracy"], strict=True):
            low, high = wilson_interval(round(accuracy * num_test), num_test)
            figures[key] = {
                "test_accuracy": accuracy,
                "test_accuracy_low": low,
                "test_accuracy_high": high,
            }
    return figures


def main() -> None:
    """Writes results/evaluation.json and mirrors the test figures to MLflow."""
    params = load()
    manifest = load_manifest()
    one_thread()
    digits = load_digits("test")
    arms, depths = arm_groups(params, manifest.num_classes), depth_groups(params)
    arm_entries = {name: tested(group, digits, manifest.statistics) for name, group in arms.items()}
    pair = load_subset("test", "finetune", params.transfer.finetune_classes)
    depth_entries = {
        name: tested(group, pair, manifest.statistics) for name, group in depths.items()
    }
    scratch = depth_entries.pop(SCRATCH, None)
    evaluation = {
        "dataset": manifest.dataset() | {"official": manifest.official},
        "arms": arm_entries,
        "transfer": {"pretrained": depth_entries, "scratch": scratch},
    }
    write_json(EVALUATION, evaluation)
    groups = [*arms.values(), *depths.values()]
    mirror([run for group in groups for run in group.identities], figures_by_key(evaluation))
