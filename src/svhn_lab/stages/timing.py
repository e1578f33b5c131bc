"""`timing`: what fine-tuning costs at each freeze depth of the sweep `front`, measured in one
process on one thread with the depths interleaved, so that whatever else the machine does falls on
all of them. Each depth is measured without caching, and with the frozen front's features cached."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn

from svhn_lab.data.batches import Digits, Examples, Statistics, shuffled_batches
from svhn_lab.evidence.cost import flops_of_step, peak_memory
from svhn_lab.evidence.explanations import Expectation, Explanation, explained, slope
from svhn_lab.nets.freezing import split
from svhn_lab.nets.network import Network, num_parameters, parameter_counts
from svhn_lab.params import Params, load
from svhn_lab.recipes import Recipe
from svhn_lab.report.tables import table
from svhn_lab.stages.finetune import identities, sample, starting_network
from svhn_lab.stages.layout import TIMING
from svhn_lab.stages.mirroring import mirror
from svhn_lab.stages.prepared import Manifest, load_manifest, load_subset
from svhn_lab.stages.sweeps import points, recipe
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fan_out import confine
from svhn_lab.training.features import Features, computed_once
from svhn_lab.training.fit import autocast, fit
from svhn_lab.training.optimizers import optimizer_for
from svhn_lab.transfer_params import MAIN_SWEEP

MODES = ("as_is", "frozen_features")
PARTS = ("forward", "backward", "optimizer")


def identity(params: Params) -> Identity:
    """The one run of the measurement; it times the networks of the first draw."""
    return Identity("timing", "", params.seeds[0])


@dataclass(frozen=True)
class Workload:
    """What is fine-tuned on, and how."""

    recipe: Recipe
    train: Digits
    validation: Digits
    statistics: Statistics


@dataclass(frozen=True)
class Case:
    """A network at one freeze depth, and what it takes in one of the two modes."""

    net: nn.Module
    train: Examples
    validation: Examples


def case(net: Network, work: Workload, mode: str) -> Case:
    """The whole network on digits, or the layers after its frozen front on cached features."""
    if mode == "as_is":
        return Case(net, work.train, work.validation)
    return Case(*computed_once(net, work.recipe, work.train, work.validation, work.statistics))


def loss(measured: Case, batch: Examples, work: Workload) -> Tensor:
    """The batch's mean loss, as `fit` computes it."""
    with autocast(batch.labels.device, work.recipe.precision):
        logits = measured.net(*batch.inputs(work.statistics))
        return nn.functional.cross_entropy(
            logits.float(), batch.labels, label_smoothing=work.recipe.label_smoothing
        )


def time_parts(measured: Case, work: Workload) -> list[tuple[float, float, float]]:
    """Seconds of forward pass, backward pass and optimizer step, for every batch of an epoch."""
    optimizer = optimizer_for(measured.net, work.recipe)
    measured.net.train()
    times = []
    for indices in shuffled_batches(
        measured.train, work.recipe.batch_size, torch.Generator().manual_seed(0)
    ):
        batch = measured.train.take(indices)
        optimizer.zero_grad(set_to_none=True)
        clock = [time.perf_counter()]
        value = loss(measured, batch, work)
        clock.append(time.perf_counter())
        value.backward()
        clock.append(time.perf_counter())
        optimizer.step()
        clock.append(time.perf_counter())
        forward, backward, step = np.diff(clock).tolist()
        times.append((forward, backward, step))
    return times


def time_epoch(measured: Case, work: Workload, seed: int) -> tuple[float, float]:
    """Seconds of one epoch as fine-tuning has it, with its validation pass; and of its training
    alone. It is the second of two: the first one also sets the optimizer up."""
    ends: list[float] = []
    *_, epoch = fit(
        measured.net,
        work.recipe.model_copy(update={"epochs": 2}),
        measured.train,
        measured.validation,
        work.statistics,
        seed=seed,
        on_epoch=lambda _: ends.append(time.perf_counter()),
    )
    return ends[1] - ends[0], epoch.seconds


def time_features(net: Network, work: Workload) -> float:
    """Seconds of computing once what is fixed in front of the network; 0 if nothing is."""
    if not len(split(net)[0]):
        return 0.0
    started = time.perf_counter()
    case(net, work, "frozen_features")
    return time.perf_counter() - started


@dataclass
class Times:
    """What was measured of one depth in one mode."""

    parts: list[tuple[float, float, float]] = field(default_factory=list)  # a batch each
    epochs: list[float] = field(default_factory=list)
    training: list[float] = field(default_factory=list)  # epochs without their validation pass
    features: list[float] = field(default_factory=list)  # none without caching

    def summary(self, num_epochs: int) -> dict[str, Any]:
        """Quartiles, and the seconds of a whole fine-tuning that follow from the medians."""
        once = quartiles(self.features)[1] if self.features else 0.0
        columns = zip(PARTS, zip(*self.parts, strict=True), strict=True)
        return {
            f"{part}_ms_per_batch": quartiles([1000 * seconds for seconds in column])
            for part, column in columns
        } | {
            "training_seconds_per_epoch": quartiles(self.training),
            "seconds_per_epoch": quartiles(self.epochs),
            "seconds_once": once,
            "seconds_to_finetune": once + num_epochs * quartiles(self.epochs)[1],
            "training_seconds": self.training,
        }


def quartiles(values: Sequence[float]) -> list[float]:
    """First quartile, median, third quartile."""
    return [float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])]


def measure(nets: Mapping[int, Network], work: Workload, repeats: int) -> dict[str, dict[str, Any]]:
    """By depth and mode, quartiles of the times, all depths and modes in turn, `repeats` times; and
    what does not vary: trainable parameters, FLOPs per image, bytes."""
    cases = {(depth, mode): case(net, work, mode) for depth, net in nets.items() for mode in MODES}
    times = {of: Times() for of in cases}
    for repeat in range(repeats + 1):
        for (depth, mode), measured in cases.items():
            found = Times() if repeat == 0 else times[depth, mode]  # the first round warms up
            found.parts += time_parts(measured, work)
            epoch, training = time_epoch(measured, work, seed=repeat)
            found.epochs.append(epoch)
            found.training.append(training)
            if mode == "frozen_features":
                found.features.append(time_features(nets[depth], work))
    return {
        str(depth): {"trainable_parameters": num_parameters(net, trainable_only=True)}
        | {
            mode: times[depth, mode].summary(work.recipe.epochs)
            | step_cost(cases[depth, mode], work)
            for mode in MODES
        }
        for depth, net in nets.items()
    }


def step_cost(measured: Case, work: Workload) -> dict[str, float]:
    """Operations per image of one step on one batch, and the memory that fine-tuning takes: what
    lies there throughout (weights, the optimizer's state, what is trained on and looked at) and
    what a step takes at the most on top of it."""
    batch = measured.train.take(slice(0, work.recipe.batch_size))
    measured.net.train()
    forward, backward = flops_of_step(lambda: loss(measured, batch, work))
    optimizer = optimizer_for(measured.net, work.recipe)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss(measured, batch, work).backward()
        optimizer.step()

    step()  # the optimizer's own state lies there from the first step on
    optimizer.zero_grad(set_to_none=True)
    held = [*measured.net.state_dict().values(), *tensors(measured.train)]
    held += tensors(measured.validation)
    held += [value for state in optimizer.state.values() for value in state.values()]
    resident = sum(tensor.numel() * tensor.element_size() for tensor in held)
    return {
        "forward_flops_per_image": forward / len(batch),
        "backward_flops_per_image": backward / len(batch),
        "resident_memory_bytes": resident,
        "peak_memory_bytes": resident + peak_memory(step),
    }


def tensors(examples: Examples) -> list[Tensor]:
    """What examples hold in memory."""
    if isinstance(examples, Features):
        return [*examples.state, examples.labels]
    assert isinstance(examples, Digits)
    return [examples.images, examples.labels]


def speedup(costs: Mapping[str, Mapping[str, Any]], num_units: int) -> dict[str, float | None]:
    """How many times faster it is with what is frozen computed once: an epoch of the head alone
    (None if no depth freezes all else), the same without its validation pass, and fine-tuning at
    every depth once, what is computed once included."""
    head_alone = costs.get(str(num_units))

    def ratio(figure: str) -> float | None:
        if head_alone is None:
            return None
        as_is, quick = (head_alone[mode][figure][1] for mode in MODES)
        return float(as_is / quick)

    total, total_quick = (
        sum(row[mode]["seconds_to_finetune"] for row in costs.values()) for mode in MODES
    )
    return {
        "head_only": ratio("seconds_per_epoch"),
        "head_only_training": ratio("training_seconds_per_epoch"),
        "sweep": total / total_quick,
    }


def explanation(costs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Whether time falls with depth, repeat by repeat, and how it correlates with FLOPs."""
    depths = sorted(costs, key=int)
    by_repeat = zip(*(costs[depth]["as_is"]["training_seconds"] for depth in depths), strict=True)
    found = explained(
        {
            "time": Explanation(
                "The more is frozen, the less time training takes",
                {
                    "falls": Expectation(
                        "Training time of an epoch falls with freeze depth: per unit",
                        [-1000 * slope([int(d) for d in depths], times) for times in by_repeat],
                        "ms",
                    )
                },
            )
        }
    )["time"]
    rows = [costs[depth]["as_is"] for depth in depths]
    seconds = [row["training_seconds_per_epoch"][1] for row in rows]
    flops = [row["forward_flops_per_image"] + row["backward_flops_per_image"] for row in rows]
    return found | {
        "correlation_with_flops": float(np.corrcoef(seconds, flops)[0, 1]),
        "time_saved_at_deepest": 1 - seconds[-1] / seconds[0],
        "flops_saved_at_deepest": 1 - flops[-1] / flops[0],
    }


def metrics(costs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The measurement as MLflow shows it."""
    found = {}
    for depth, row in costs.items():
        found[f"trainable_parameters/depth_{depth:0>2}"] = float(row["trainable_parameters"])
        for mode in MODES:
            name = f"{mode}/seconds_per_epoch/depth_{depth:0>2}"
            found[name] = row[mode]["seconds_per_epoch"][1]
    return found


def workload(params: Params, manifest: Manifest) -> tuple[dict[int, Network], Workload]:
    """The networks of the first draw by depth, and what they are fine-tuned on."""
    transfer = params.transfer
    own = [
        point for point in points(transfer, MAIN_SWEEP) if point.size == transfer.sample_sizes[0]
    ]
    nets = {
        point.number: starting_network(
            (identities(params, point)[0], point, transfer), manifest.image_size
        )
        for point in own
    }
    validation = load_subset("validation", "finetune", transfer.finetune_classes)
    train = sample(0, own[0], transfer)
    return nets, Workload(recipe(own[0], transfer), train, validation, manifest.statistics)


def main() -> None:
    """Writes results/timing.json and mirrors it to MLflow."""
    params = load()
    transfer = params.transfer
    manifest = load_manifest()
    confine()
    nets, work = workload(params, manifest)
    checkout = record.checkout_state()
    started, clock = datetime.now(UTC), time.perf_counter()
    costs = measure(nets, work, transfer.timing_repeats)
    rows = [
        (str(depth), *(f"{1000 * row[mode]['seconds_per_epoch'][1]:.1f}" for mode in MODES))
        for depth, row in costs.items()
    ]
    click.echo(table(("freeze depth", "ms per epoch", "with cached features"), rows))
    this = identity(params)
    any_net = next(iter(nets.values()))
    settings: dict[str, Any] = {
        "stage": "timing",
        "net": transfer.net,
        "batch_size": work.recipe.batch_size,
        "epochs": work.recipe.epochs,
        "precision": work.recipe.precision,
        "num_units": len(any_net.freeze_units()),
        "num_digits": len(work.train),
        "num_validation_digits": len(work.validation),
        "threads": 1,
        "repeats": transfer.timing_repeats,
    }
    measured = record.Record(
        identity=this,
        # What was measured is part of the key: each measurement is a run of its own.
        key=record.content_key(
            this, settings | {"depths": costs}, manifest.digest, record.code_digest("timing")
        ),
        params=settings,
        dataset=manifest.dataset(),
        num_parameters=parameter_counts(any_net),
        metrics=metrics(costs),
    )
    circumstances = record.provenance(started, time.perf_counter() - clock, [], checkout)
    record.write(measured, circumstances)
    result = {
        **settings,
        "machine": circumstances.machine,
        "speedup": speedup(costs, settings["num_units"]),
        "explanation": explanation(costs),
        "depths": costs,
    }
    write_json(TIMING, result)
    mirror([this])
