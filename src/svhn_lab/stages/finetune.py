"""`finetune SWEEP`: fine-tunes at every point of a sweep of params.yaml (how much is frozen, on how
many digits) on every small draw. All points of all sweeps share draws, order, and fresh heads."""

from svhn_lab.data.batches import Digits
from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.freezing import freeze, frozen_units
from svhn_lab.nets.network import Network, with_new_head
from svhn_lab.params import PARAMS_FILE, Params, load
from svhn_lab.stages.prepared import images_digest, load_draw, load_manifest, load_subset
from svhn_lab.stages.runs import load_model, run, run_all, say_sums, sum_up
from svhn_lab.stages.sweeps import Point, points, recipe, settings
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity
from svhn_lab.training.features import fit_behind_front
from svhn_lab.training.fit import fit
from svhn_lab.transfer_params import Transfer

Task = tuple[Identity, Point, Transfer]


def identities(params: Params, point: Point) -> list[Identity]:
    """The runs at one point: draw d starts from the pretrained network of the d-th seed, round
    and round, so that the spread over draws holds that over pretrained networks too. At random,
    each draw has fresh weights of its own."""
    seeds = params.seeds
    fresh = params.transfer.sweeps[point.sweep].start == "random"
    return [
        Identity(
            "finetune",
            point.sweep,
            seed=draw if fresh else seeds[draw % len(seeds)],
            draw=draw,
            condition=point.condition,
        )
        for draw in range(params.transfer.draws)
    ]


def whole(point: Point) -> Identity:
    """The run that stands for all draws at a point."""
    return Identity("finetune", point.sweep, condition=point.condition)


def pretraining(seed: int) -> Identity:
    """The pretraining with this seed."""
    return Identity("pretrain", "", seed)


def starting_network(
    task: Task, image_size: int, *, pretrained: Identity | None = None, num_classes: int = 0
) -> Network:
    """The network before fine-tuning, its units frozen. All points of a draw begin with the same
    head.

    `pretrained` is a run with so many classes to start from, in the place of the usual one."""
    identity, point, transfer = task
    assert identity.seed is not None and identity.draw is not None
    sweep, classes = transfer.sweeps[point.sweep], len(transfer.finetune_classes)
    if sweep.start == "random":
        net = zoo.build(
            transfer.net, num_classes=classes, seed=identity.draw, image_size=image_size
        )
    else:
        net = load_model(
            pretrained or pretraining(identity.seed),
            transfer.net,
            num_classes=num_classes or len(transfer.pretrain_classes),
            image_size=image_size,
        )
        with_new_head(net, num_classes=classes, seed=identity.draw)
    units = frozen_units(point.freezing, point.number, len(net.freeze_units()))
    return freeze(net, units, sweep.norm_policy)


def sample(draw: int, point: Point, transfer: Transfer) -> Digits:
    """The training digits of a draw at a point."""
    classes = transfer.finetune_classes
    if point.size is None:
        return load_subset("train", "finetune", classes)
    return load_draw(draw, point.size, classes)


def finetune_one(task: Task) -> Identity:
    """One draw at one point."""
    identity, point, transfer = task
    assert identity.draw is not None and identity.seed is not None
    manifest = load_manifest()
    digits = sample(identity.draw, point, transfer)
    more = {"sample_digest": images_digest(digits)}
    if transfer.sweeps[point.sweep].start == "pretrained":
        # Other pretrained weights make another run, though nothing else has changed.
        more["pretrained_key"] = record.read(pretraining(identity.seed)).key
    return run(
        identity,
        starting_network(task, manifest.image_size),
        recipe(point, transfer),
        settings(point, transfer) | more,
        digits,
        load_subset("validation", "finetune", transfer.finetune_classes),
        manifest,
        train_by=fit_behind_front if transfer.frozen_features else fit,
    )


def main(name: str) -> None:
    """Fine-tunes at every point of the sweep. Raises UserError if params.yaml does not name it."""
    params = load()
    transfer = params.transfer
    if name not in transfer.sweeps:
        raise UserError(
            f"{PARAMS_FILE}: transfer.sweeps: has no {name!r}; there are: "
            f"{', '.join(transfer.sweeps)}"
        )
    at = {point: identities(params, point) for point in points(transfer, name)}
    tasks = [(run, point, transfer) for point, runs in at.items() for run in runs]
    run_all(finetune_one, tasks, params.compute)
    for point, runs in at.items():
        sum_up(whole(point), runs, settings(point, transfer))
    say_sums([whole(point) for point in at])
