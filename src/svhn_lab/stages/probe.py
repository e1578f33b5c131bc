"""`probe`: what the units' features hold, on validation digits. A linear probe on each unit of the
pretrained network says how well the new classes can be told there already; the similarity of a
unit's features before and after fine-tuning says how much they had to change."""

import click
import numpy as np
import torch
from numpy.typing import NDArray

from svhn_lab.data.batches import Digits, Statistics, batches
from svhn_lab.evidence.similarity import linear_cka, probe_accuracy
from svhn_lab.nets.network import Network
from svhn_lab.params import load
from svhn_lab.report.formats import mean_percent
from svhn_lab.report.tables import table
from svhn_lab.stages.finetune import identities, sample, starting_network
from svhn_lab.stages.layout import PROBE
from svhn_lab.stages.prepared import load_manifest, load_subset
from svhn_lab.stages.runs import load_model
from svhn_lab.stages.sweeps import Point, points
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fan_out import fan_out
from svhn_lab.training.fit import EVALUATION_BATCH
from svhn_lab.transfer_params import MAIN_SWEEP, Transfer

MOST_DIGITS = 500  # of validation; what early units make of them takes 130 kB each
GRID = 4  # a unit's maps are averaged to at most so many squares a side before they are probed

Features = NDArray[np.float32]  # (N, D)


def features_by_unit(net: Network, digits: Digits, statistics: Statistics) -> dict[int, Features]:
    """By the number of units passed, what comes out there, flattened; in float32. A block that
    cannot stop between its units counts with its last one."""
    net.eval()
    parts: dict[int, list[torch.Tensor]] = {}
    with torch.inference_mode():
        for batch in batches(digits, EVALUATION_BATCH):
            state = batch.inputs(statistics)
            for step in net.steps()[:-1]:  # the last one flattens
                state = step.run(state)
                parts.setdefault(step.units, []).append(state[0])
    return {unit: torch.cat(maps).numpy() for unit, maps in parts.items()}


def averaged(maps: Features) -> Features:
    """(N, C, H, W) -> (N, D), averaged over squares."""
    side = min(GRID, maps.shape[-1])
    squares = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(maps), side)
    flat: Features = squares.flatten(1).numpy()
    return flat


def probe_one(task: tuple[Identity, Point, Transfer]) -> dict[str, dict[int, float]]:
    """Of one draw, by unit: the probe's accuracy on the pretrained network's features, and the
    similarity of them to those after fine-tuning."""
    identity, point, transfer = task
    assert identity.draw is not None
    manifest = load_manifest()
    digits = sample(identity.draw, point, transfer)
    validation = load_subset("validation", "finetune", transfer.finetune_classes)
    order = torch.randperm(len(validation), generator=torch.Generator().manual_seed(0))
    validation = validation.take(order[:MOST_DIGITS])  # they may lie class by class
    before = starting_network(task, manifest.image_size)
    after = load_model(
        identity,
        transfer.net,
        num_classes=len(transfer.finetune_classes),
        image_size=manifest.image_size,
    )
    seen = features_by_unit(before, digits, manifest.statistics)
    unseen = features_by_unit(before, validation, manifest.statistics)
    changed = features_by_unit(after, validation, manifest.statistics)
    labels, validation_labels = digits.labels.numpy(), validation.labels.numpy()
    return {
        "probe_accuracy": {
            unit: probe_accuracy(
                averaged(seen[unit]), labels, averaged(unseen[unit]), validation_labels
            )
            for unit in seen
        },
        "cka": {
            unit: linear_cka(
                unseen[unit].reshape(len(validation), -1),
                changed[unit].reshape(len(validation), -1),
            )
            for unit in seen
        },
    }


def main() -> None:
    """Writes results/probe.json: by unit, a value for every draw."""
    params = load()
    transfer = params.transfer
    nothing_frozen = next(p for p in points(transfer, MAIN_SWEEP) if p.number == 0)
    found = fan_out(
        probe_one,
        [(run, nothing_frozen, transfer) for run in identities(params, nothing_frozen)],
    )
    units = list(found[0]["cka"])
    by_unit = {
        name: {str(unit): [draw[name][unit] for draw in found] for unit in units}
        for name in ("probe_accuracy", "cka")
    }
    write_json(PROBE, {"units": units, "draws": len(found), **by_unit})
    rows = [
        (
            str(unit),
            mean_percent(by_unit["probe_accuracy"][str(unit)]),
            f"{np.mean(by_unit['cka'][str(unit)]):.3f}",
        )
        for unit in units
    ]
    head = (
        "unit",
        "linear probe accuracy on validation digits",
        "CKA before and after fine-tuning",
    )
    click.echo(table(head, rows))
