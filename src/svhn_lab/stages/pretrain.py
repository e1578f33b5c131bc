"""`pretrain`: trains the transfer study's network on the classes that it is pretrained on, once
per seed that a small draw starts from."""

from typing import Any

from svhn_lab.nets import zoo
from svhn_lab.params import Params, load
from svhn_lab.stages.prepared import load_manifest, load_subset
from svhn_lab.stages.runs import run, run_all, say_sums, sum_up
from svhn_lab.tracking.record import Identity
from svhn_lab.transfer_params import Transfer


def identities(params: Params) -> list[Identity]:
    """The runs of the pretraining, one per seed; of more seeds than draws the first ones."""
    return [Identity("pretrain", "", seed) for seed in params.seeds[: params.transfer.draws]]


def settings(transfer: Transfer) -> dict[str, Any]:
    """What the recipe does not say of the pretraining."""
    return {"stage": "pretrain", "net": transfer.net, "classes": list(transfer.pretrain_classes)}


def pretrain_one(task: tuple[Identity, Transfer]) -> Identity:
    """One seed of the pretraining."""
    identity, transfer = task
    classes = transfer.pretrain_classes
    assert identity.seed is not None
    manifest = load_manifest()
    net = zoo.build(
        transfer.net,
        num_classes=len(classes),
        seed=identity.seed,
        image_size=manifest.image_size,
    )
    return run(
        identity,
        net,
        transfer.pretrain,
        settings(transfer),
        load_subset("train", "pretrain", classes),
        load_subset("validation", "pretrain", classes),
        manifest,
    )


def main() -> None:
    """Pretrains once for every seed."""
    params = load()
    transfer = params.transfer
    tasks = [(identity, transfer) for identity in identities(params)]
    run_all(pretrain_one, tasks, params.compute)
    about = {"stage": "pretrain", "net": transfer.net} | transfer.pretrain.model_dump()
    whole = Identity("pretrain", "")
    sum_up(whole, identities(params), about)
    say_sums([whole])
