"""`diversity`: what the pretraining is for. Pretrains on fewer digits, and on fewer classes, for
as many steps as the whole pretraining has; then fine-tunes as the sweep `front` does at one freeze
depth."""

from typing import Any

import numpy as np
import torch

from svhn_lab.data.batches import Digits
from svhn_lab.data.subsets import relabelled
from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.params import PARAMS_FILE, Params, load
from svhn_lab.stages import pretrain
from svhn_lab.stages.finetune import sample, starting_network
from svhn_lab.stages.prepared import images_digest, load_manifest, load_subset
from svhn_lab.stages.runs import run, run_all, say_sums, sum_up
from svhn_lab.stages.sweeps import Point, as_many_steps, points, recipe, settings
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity
from svhn_lab.training.features import fit_behind_front
from svhn_lab.training.fit import fit
from svhn_lab.transfer_params import MAIN_SWEEP, LessPretraining, Transfer


def num_classes(less: LessPretraining, transfer: Transfer) -> int:
    """The number of classes that a pretraining on less has."""
    return len(transfer.pretrain_classes) if less.classes == "all" else less.classes


def name(less: LessPretraining, transfer: Transfer) -> str:
    """The name of a pretraining on less."""
    return f"{num_classes(less, transfer)}-classes-{100 * less.share:g}-percent"


def pretrainings(params: Params, less: LessPretraining) -> list[Identity]:
    """The runs of a pretraining on less, one for each of the whole pretraining."""
    return [
        Identity("diversity", name(less, params.transfer), whole.seed, condition="pretrain")
        for whole in pretrain.identities(params)
    ]


def finetunings(params: Params, less: LessPretraining) -> list[Identity]:
    """The runs of the fine-tuning after it, one a draw."""
    seeds = params.seeds
    return [
        Identity(
            "diversity",
            name(less, params.transfer),
            seeds[draw % len(seeds)],
            draw=draw,
            condition="finetune",
        )
        for draw in range(params.transfer.draws)
    ]


def whole(less: LessPretraining, transfer: Transfer, condition: str) -> Identity:
    """The run that stands for all pretrainings on less, or all fine-tunings after it."""
    return Identity("diversity", name(less, transfer), condition=condition)


def point(transfer: Transfer) -> Point:
    """The point of the sweep `front` that is fine-tuned at."""
    return next(p for p in points(transfer, MAIN_SWEEP) if p.number == transfer.diversity.depth)


def chosen_classes(less: LessPretraining, transfer: Transfer, seed: int) -> tuple[int, ...]:
    """So many of the classes to pretrain on, at random, in their order there."""
    classes, number = transfer.pretrain_classes, num_classes(less, transfer)
    kept = np.random.default_rng((seed, number)).choice(len(classes), number, replace=False)
    return tuple(classes[index] for index in sorted(kept))


def part(digits: Digits, classes: tuple[int, ...], number: int, seed: int, key: str) -> Digits:
    """So many digits of these classes (`digits.labels` are those of all), at random. Raises
    UserError naming `key` if there are fewer, or none is asked for."""
    indices = torch.isin(digits.labels, torch.tensor(classes)).nonzero().flatten()
    if number == 0:
        raise UserError(
            f"{PARAMS_FILE}: {key}: its share of {len(digits)} digits is none; raise it"
        )
    if len(indices) < number:
        raise UserError(
            f"{PARAMS_FILE}: {key}: asks for {number} digits of the classes {list(classes)}, which "
            f"have {len(indices)}; lower its share, or take more classes"
        )
    order = torch.randperm(len(indices), generator=torch.Generator().manual_seed(seed))
    return relabelled(digits.take(indices[order[:number]].sort().values), classes)


def pretrain_one(task: tuple[Identity, LessPretraining, Transfer]) -> Identity:
    """One seed of a pretraining on less."""
    identity, less, transfer = task
    assert identity.seed is not None
    manifest = load_manifest()
    classes = chosen_classes(less, transfer, identity.seed)
    everything = load_subset("train", "pretrain", transfer.pretrain_classes)
    validation = load_subset("validation", "pretrain", transfer.pretrain_classes)
    positions = tuple(transfer.pretrain_classes.index(label) for label in classes)
    number = round(less.share * len(everything))
    key = f"transfer.diversity.less: {name(less, transfer)}"
    own = part(everything, positions, number, identity.seed, key)
    of_these = torch.isin(validation.labels, torch.tensor(positions))
    usual = transfer.pretrain
    epochs = as_many_steps(usual.epochs, len(everything), number, usual.batch_size)
    return run(
        identity,
        zoo.build(
            transfer.net,
            num_classes=len(classes),
            seed=identity.seed,
            image_size=manifest.image_size,
        ),
        usual.model_copy(update={"epochs": epochs}),
        {"stage": "diversity", "net": transfer.net, "classes": list(classes), "digits": number},
        own,
        relabelled(validation.take(of_these.nonzero().flatten()), positions),
        manifest,
    )


def finetune_one(task: tuple[Identity, LessPretraining, Transfer]) -> Identity:
    """One draw, after a pretraining on less."""
    identity, less, transfer = task
    assert identity.draw is not None
    manifest = load_manifest()
    pretrained = Identity("diversity", name(less, transfer), identity.seed, condition="pretrain")
    here = point(transfer)
    digits = sample(identity.draw, here, transfer)
    more: dict[str, Any] = {
        "stage": "diversity",
        "pretrained_on": name(less, transfer),
        "pretrained_key": record.read(pretrained).key,
        "sample_digest": images_digest(digits),
    }
    return run(
        identity,
        starting_network(
            (identity, here, transfer),
            manifest.image_size,
            pretrained=pretrained,
            num_classes=num_classes(less, transfer),
        ),
        recipe(here, transfer),
        settings(here, transfer) | more,
        digits,
        load_subset("validation", "finetune", transfer.finetune_classes),
        manifest,
        train_by=fit_behind_front if transfer.frozen_features else fit,
    )


def main() -> None:
    """Pretrains on less, then fine-tunes. Without anything less the outs are empty."""
    params = load()
    transfer = params.transfer
    for outs in (record.MODELS, record.RUNS, record.PROVENANCE):
        (outs / "diversity").mkdir(parents=True, exist_ok=True)
    for each, runs in ((pretrain_one, pretrainings), (finetune_one, finetunings)):
        tasks = [
            (run, less, transfer) for less in transfer.diversity.less for run in runs(params, less)
        ]
        if tasks:
            run_all(each, tasks, params.compute)
    for less in transfer.diversity.less:
        about = {"stage": "diversity", "net": transfer.net, "pretrained_on": name(less, transfer)}
        sum_up(whole(less, transfer, "pretrain"), pretrainings(params, less), about)
        sum_up(whole(less, transfer, "finetune"), finetunings(params, less), about)
    say_sums(
        [
            whole(less, transfer, condition)
            for less in transfer.diversity.less
            for condition in ("pretrain", "finetune")
        ]
    )
