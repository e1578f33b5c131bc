"""What the training stages share: one run from network to record, and the runs of a stage side by
side, each mirrored to MLflow as soon as it is done."""

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import click
import torch
from tqdm import tqdm

from svhn_lab.data.batches import Digits
from svhn_lab.errors import UserError, damaged
from svhn_lab.nets import zoo
from svhn_lab.nets.network import Network, parameter_counts
from svhn_lab.params import Compute
from svhn_lab.recipes import Recipe
from svhn_lab.report.formats import percent
from svhn_lab.report.tables import table
from svhn_lab.stages.mirroring import followed, mirror
from svhn_lab.stages.prepared import Manifest
from svhn_lab.tracking import progress, record
from svhn_lab.tracking.files import write_bytes
from svhn_lab.tracking.progress import Progress
from svhn_lab.tracking.record import Identity
from svhn_lab.training.checkpoints import Checkpoints
from svhn_lab.training.device import device
from svhn_lab.training.fan_out import fan_out
from svhn_lab.training.fit import Diverged, Epoch, computed_in, fit

# Beside the outs, as DVC clears those before a stage is run again.
CHECKPOINTS = Path(".cache/checkpoints")

Task = TypeVar("Task", bound=tuple[Any, ...])


class RunsDiverged(UserError):
    """Some of the runs have left a record that says so, and no model."""


def run(
    identity: Identity,
    net: Network,
    recipe: Recipe,
    settings: dict[str, Any],
    train: Digits,
    validation: Digits,
    manifest: Manifest,
    *,
    train_by: Callable[..., list[Epoch]] = fit,
) -> Identity:
    """Trains `net` and leaves model, record and provenance on disk; gives the identity.

    `settings` are what the recipe does not say of the run: network, freeze depth, ...; `train_by`
    is `fit`, or what takes its arguments and has its result. A diverged run leaves a record that
    says so, and no model.
    """
    params = settings | recipe.model_dump() | {"seed": identity.seed, "device": device().type}
    params["torch"] = torch.__version__  # another rounds otherwise
    params["threads"] = torch.get_num_threads()
    params["computed_in"] = computed_in(recipe.precision, device())
    if identity.draw is not None:
        params["draw"] = identity.draw
    # Taken now: whoever edits or commits while the run goes on does not change what it ran.
    key = record.content_key(identity, params, manifest.digest, record.code_digest(identity.stage))
    checkout = record.checkout_state()
    identity.weights.unlink(missing_ok=True)
    going_on = Progress(
        record.Record(
            identity=identity,
            key=key,
            params=params,
            dataset=manifest.dataset(),
            num_parameters=parameter_counts(net),
        ),
        checkout,
    )

    metrics: dict[str, float] = {}

    def on_epoch(epoch: Epoch) -> None:
        row = asdict(epoch)
        going_on.epoch(row, seconds=row.pop("seconds"))
        metrics.update({name: value for name, value in row.items() if name != "epoch"})

    checkpoint = CHECKPOINTS / f"{key}.pt"
    failure = None
    try:
        train_by(
            net.to(device()),
            recipe,
            train.to(device()),
            validation.to(device()),
            manifest.statistics,
            seed=identity.seed if identity.draw is None else identity.draw,
            on_epoch=on_epoch,
            checkpoints=Checkpoints(
                checkpoint.read_bytes() if checkpoint.exists() else None,
                partial(write_bytes, checkpoint),
            ),
        )
    except Diverged as diverged:
        failure = str(diverged)
    else:
        save_model(identity.weights, net.cpu())
    going_on.end(failure, metrics)  # of the last epoch
    return identity


def run_all(function: Callable[[Task], Identity], tasks: Sequence[Task], compute: Compute) -> None:
    """Runs every task, of which the first entry is its identity, side by side; MLflow shows each
    run while it goes on. What a stage that was killed has trained is not trained again.

    Raises RunsDiverged naming those that diverged, once all are done.
    """
    diverged = []

    def report(identity: Identity) -> None:
        result, circumstances = record.read(identity), record.read_provenance(identity)
        mirror([identity])
        if result.failure is None:
            outcome = f"validation accuracy {result.metrics['validation_accuracy']:.2%}"
        else:
            outcome = f"FAILED: {result.failure}"
            diverged.append(f"{identity.name}: {result.failure}")
        tqdm.write(f"{identity.name}: {outcome}, {circumstances.seconds:.1f} s")

    identities = [task[0] for task in tasks]
    for identity in identities:
        progress.clear(identity)  # of a process that was killed
    with followed(identities):
        fan_out(function, tasks, compute=compute, on_result=report)
    for identity in identities:
        (CHECKPOINTS / f"{record.read(identity).key}.pt").unlink(missing_ok=True)
    if diverged:
        remedy = "lower the learning rate of its recipe in params.yaml"
        raise RunsDiverged("\n".join(f"{run}; {remedy}" for run in diverged))


def sum_up(identity: Identity, members: Sequence[Identity], params: dict[str, Any]) -> None:
    """Leaves the record that stands for several runs, which lie under it in MLflow."""
    circumstances = [record.read_provenance(member) for member in members]
    first = circumstances[0]
    began = min(datetime.fromisoformat(each.started) for each in circumstances)
    total = record.provenance(
        began, sum(each.seconds for each in circumstances), [], (first.commit, first.changed)
    )
    record.write(record.summed_up(identity, [record.read(m) for m in members], params), total)
    mirror([identity])


def say_sums(wholes: Sequence[Identity]) -> None:
    """Prints a table of runs that stand for several, a row each."""
    rows = []
    for identity in wholes:
        whole = record.read(identity)
        accuracies = [
            percent(whole.metrics[f"{split}_accuracy_mean"]) for split in ("train", "validation")
        ]
        seconds = record.read_provenance(identity).seconds
        rows.append((identity.name, str(len(whole.members)), *accuracies, f"{seconds:.1f}"))
    if not rows:
        return
    head = ("means of", "runs", "training accuracy", "validation accuracy", "seconds in all")
    click.echo(table(head, rows))


def save_model(path: Path, net: torch.nn.Module) -> None:
    """The weights as a state_dict, the same bytes for the same weights."""
    content = io.BytesIO()
    torch.save(net.state_dict(), content)
    write_bytes(path, content.getvalue())


def load_model(identity: Identity, net: str, *, num_classes: int, image_size: int) -> Network:
    """The network of a finished run. Raises UserError if the run has left no weights, or they are
    damaged."""
    network = zoo.build(net, num_classes=num_classes, seed=0, image_size=image_size)
    try:
        weights = torch.load(identity.weights, weights_only=True)
    except FileNotFoundError:
        raise UserError(
            f"{identity.weights}: not found; make it with `dvc repro {identity.dvc_stage}`"
        ) from None
    except (EOFError, OSError, RuntimeError, UnpicklingError):
        raise damaged(identity.weights, identity.dvc_stage) from None
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise UserError(
            f"{identity.weights}: holds the weights of another network than {net!r}; make it "
            f"anew with `dvc repro {identity.dvc_stage}`"
        ) from None
    return network
