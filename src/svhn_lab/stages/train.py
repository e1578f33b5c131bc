"""`train ARM`: trains one arm of the study from scratch on all classes, once per seed."""

from svhn_lab.data.batches import normalised
from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.params import PARAMS_FILE, Params, load
from svhn_lab.recipes import Arm
from svhn_lab.stages.prepared import load_digits, load_manifest
from svhn_lab.stages.runs import run, run_all, say_sums, sum_up
from svhn_lab.tracking.record import Identity

WHITENED = 500  # training digits that a whitened stem begins from: 450,000 patches of 32x32


def identities(params: Params, arm: str) -> list[Identity]:
    """The runs of an arm, one per seed."""
    return [Identity("train", arm, seed) for seed in params.seeds]


def whole(arm: str) -> Identity:
    """The run that stands for all seeds of an arm."""
    return Identity("train", arm)


def train_one(task: tuple[Identity, Arm]) -> Identity:
    """One seed of an arm: fresh weights and the order of the digits follow from it."""
    identity, arm = task
    assert identity.seed is not None
    manifest = load_manifest()
    net = zoo.build(
        arm.net,
        num_classes=manifest.num_classes,
        seed=identity.seed,
        image_size=manifest.image_size,
    )
    train = load_digits("train")
    if net.whitens():
        net.whiten(normalised(train.take(slice(0, WHITENED)).images, manifest.statistics))
    return run(
        identity,
        net,
        arm,
        {"stage": "train", "arm": identity.arm},
        train,
        load_digits("validation"),
        manifest,
    )


def main(arm_name: str) -> None:
    """Trains every seed of the arm. Raises UserError if params.yaml names no such arm."""
    params = load()
    if arm_name not in params.arms:
        raise UserError(
            f"{PARAMS_FILE}: arms: has no {arm_name!r}; there are: {', '.join(params.arms)}"
        )
    arm = params.arms[arm_name]
    tasks = [(identity, arm) for identity in identities(params, arm_name)]
    run_all(train_one, tasks, params.compute)
    about = {"stage": "train", "arm": arm_name} | arm.model_dump()
    sum_up(whole(arm_name), [identity for identity, _ in tasks], about)
    say_sums([whole(arm_name)])
