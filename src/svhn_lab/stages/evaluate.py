"""`evaluate`: the only stage that opens the test digits. Every finished network is tested once, on
its last epoch's weights; nothing is chosen here."""

from collections.abc import Sequence
from typing import Any

import click
import numpy as np

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.evidence.statistics import mean_interval, wilson_interval
from svhn_lab.params import SCRATCH, load
from svhn_lab.stages import finetune
from svhn_lab.stages.layout import EVALUATION
from svhn_lab.stages.prepared import load_digits, load_manifest, load_subset
from svhn_lab.stages.runs import load_model
from svhn_lab.stages.train import NUM_CLASSES
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fan_out import one_thread
from svhn_lab.training.fit import predict


def num_hits(identity: Identity, net: str, num_classes: int, test: Digits, by: Statistics) -> int:
    """How many test digits the run's network gets right."""
    logits = predict(load_model(identity, net, num_classes=num_classes), test, by)
    return int((logits.argmax(1) == test.labels).sum())


def summary(identities: Sequence[Identity], hits: Sequence[int], num_test: int) -> dict[str, Any]:
    """The entry of evaluation.json for the runs of one arm."""
    records = [record.read(identity) for identity in identities]
    accuracies = [count / num_test for count in hits]
    interval = mean_interval(accuracies)
    counts = records[0].num_parameters
    return {
        "parameters": counts["total"],
        "trainable_parameters": counts["trainable"],
        "seeds": [identity.seed for identity in identities],
        "validation_accuracy": [run.metrics["validation_accuracy"] for run in records],
        "test_accuracy": accuracies,
        "mean": float(np.mean(accuracies)),
        "interval": None if interval is None else list(interval),
    }


def mirror(tested: dict[Identity, tuple[int, int]]) -> None:
    """Puts test accuracy with its interval on every run, and any run that MLflow lacks into it."""
    from svhn_lab.tracking.mirror import Mirror

    lab = Mirror()
    for identity, (hits, num_test) in tested.items():
        low, high = wilson_interval(hits, num_test)
        run_id = lab.add(record.read(identity), record.read_provenance(identity))
        figures = {
            "test_accuracy": hits / num_test,
            "test_accuracy_low": low,
            "test_accuracy_high": high,
        }
        lab.attach(run_id, figures)


def main() -> None:
    """Writes results/evaluation.json and mirrors the test figures to MLflow."""
    params = load()
    manifest = load_manifest()
    one_thread()
    tested: dict[Identity, tuple[int, int]] = {}

    def tested_summary(
        name: str, identities: list[Identity], net: str, num_classes: int, test: Digits
    ) -> dict[str, Any]:
        hits = [
            num_hits(identity, net, num_classes, test, manifest.statistics)
            for identity in identities
        ]
        tested.update(
            {run: (count, len(test)) for run, count in zip(identities, hits, strict=True)}
        )
        entry = summary(identities, hits, len(test))
        interval = entry["interval"]
        band = f", 95 % t interval {interval[0]:.2%} to {interval[1]:.2%}" if interval else ""
        click.echo(f"{name}: test accuracy {entry['mean']:.2%} (n = {len(identities)}{band})")
        return entry

    digits = load_digits("test")
    arms = {
        name: tested_summary(
            f"train/{name}",
            [Identity("train", name, seed) for seed in params.seeds],
            arm.net,
            NUM_CLASSES,
            digits,
        )
        for name, arm in params.arms.items()
    }
    transfer = params.transfer
    pair = load_subset("test", "finetune", transfer.finetune_classes)
    depths = {
        str(depth): tested_summary(
            f"finetune/{depth}",
            finetune.identities(params, depth),
            transfer.net,
            len(transfer.finetune_classes),
            pair,
        )
        for depth in transfer.depths
    }
    scratch = depths.pop(SCRATCH, None)
    result = {
        "dataset": manifest.dataset() | {"official": manifest.official},
        "arms": arms,
        "transfer": {"pretrained": depths, "scratch": scratch},
    }
    write_json(EVALUATION, result)
    mirror(tested)
