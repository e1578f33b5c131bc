"""`pretrain`: trains the transfer study's network on the classes that it is pretrained on, once
per seed."""

from svhn_lab.nets import zoo
from svhn_lab.params import Params, Transfer, load
from svhn_lab.stages.prepared import load_manifest, load_subset
from svhn_lab.stages.runs import run, run_all
from svhn_lab.tracking.record import Identity


def identities(params: Params) -> list[Identity]:
    """The runs of the pretraining, one per seed."""
    return [Identity("pretrain", "", seed) for seed in params.seeds]


def pretrain_one(task: tuple[Identity, Transfer]) -> Identity:
    """One seed of the pretraining."""
    identity, transfer = task
    classes = transfer.pretrain_classes
    return run(
        identity,
        zoo.build(transfer.net, num_classes=len(classes), seed=identity.seed),
        transfer.pretrain,
        {"stage": "pretrain", "net": transfer.net, "classes": list(classes)},
        load_subset("train", "pretrain", classes),
        load_subset("validation", "pretrain", classes),
        load_manifest(),
    )


def main() -> None:
    """Pretrains once for every seed of params.yaml."""
    params = load()
    run_all(pretrain_one, [(identity, params.transfer) for identity in identities(params)])
