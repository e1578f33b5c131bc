"""`timing`: how long fine-tuning takes at each freeze depth, measured in one process on one thread
with the depths interleaved, so that whatever else the machine does falls on all of them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
import numpy as np

from svhn_lab.data.batches import Digits, Statistics
from svhn_lab.nets import zoo
from svhn_lab.params import SCRATCH, Params, Recipe, load
from svhn_lab.stages.finetune import identities, starting_network
from svhn_lab.stages.layout import TIMING
from svhn_lab.stages.mirroring import mirror
from svhn_lab.stages.prepared import load_draw, load_manifest
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fan_out import one_thread
from svhn_lab.training.fit import fit


def identity(params: Params) -> Identity:
    """The one run of the measurement; it times the networks of the first draw."""
    return Identity("timing", "", params.seeds[0])


def measure(
    nets: Mapping[int, zoo.Network],
    recipe: Recipe,
    digits: Digits,
    statistics: Statistics,
    repeats: int,
) -> dict[str, Any]:
    """By depth, the number of trainable parameters and the median and quartiles of the seconds
    that one epoch on `digits` takes; all depths are timed in turn, `repeats` times."""
    one_epoch = recipe.model_copy(update={"epochs": 1})
    few = digits.take(digits.labels.argsort()[:2])  # for the look at validation, which is not timed
    seconds: dict[int, list[float]] = {depth: [] for depth in nets}
    for repeat in range(repeats + 1):
        for depth, net in nets.items():
            [epoch] = fit(net, one_epoch, digits, few, statistics, seed=repeat)
            if repeat:  # the first round warms up
                seconds[depth].append(epoch.seconds)
    table = {}
    for depth, net in nets.items():
        low, median, high = np.quantile(seconds[depth], [0.25, 0.5, 0.75]).tolist()
        table[str(depth)] = {
            "trainable_parameters": zoo.num_parameters(net, trainable_only=True),
            "seconds_per_epoch": median,
            "seconds_per_epoch_quartiles": [low, high],
        }
    return table


def main() -> None:
    """Writes results/timing.json and mirrors it to MLflow."""
    params = load()
    transfer = params.transfer
    manifest = load_manifest()
    one_thread()
    draw = load_draw(0, transfer.finetune_classes)
    depths = [depth for depth in transfer.depths if depth != SCRATCH]
    nets = {
        depth: starting_network(identities(params, depth)[0], transfer, manifest.image_size)
        for depth in depths
    }
    checkout = record.checkout_state()
    started, clock = datetime.now(UTC), time.perf_counter()
    table = measure(nets, transfer.finetune, draw, manifest.statistics, transfer.timing_repeats)
    for depth, row in table.items():
        milliseconds = 1000 * row["seconds_per_epoch"]
        click.echo(f"timing/{depth}: {milliseconds:.1f} ms an epoch of {len(draw)} digits")
    this = identity(params)
    settings = {
        "stage": "timing",
        "net": transfer.net,
        "batch_size": transfer.finetune.batch_size,
        "precision": transfer.finetune.precision,
        "num_units": len(nets[depths[0]].freeze_units()),
        "num_digits": len(draw),
        "threads": 1,
        "repeats": transfer.timing_repeats,
    }
    measured = record.Record(
        identity=this,
        # What was measured is part of the key: each measurement is a run of its own.
        key=record.content_key(
            this, settings | {"depths": table}, manifest.digest, record.code_digest("timing")
        ),
        params=settings,
        dataset=manifest.dataset(),
        num_parameters=zoo.parameter_counts(nets[depths[0]]),
        metrics={
            f"{name}/depth_{depth:0>2}": float(row[name])
            for depth, row in table.items()
            for name in ("seconds_per_epoch", "trainable_parameters")
        },
    )
    circumstances = record.provenance(started, time.perf_counter() - clock, [], checkout)
    record.write(measured, circumstances)
    write_json(TIMING, {**settings, "machine": circumstances.machine, "depths": table})
    mirror([this])
