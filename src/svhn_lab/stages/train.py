"""`train ARM`: trains one arm of the study from scratch on all classes, once per seed."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from svhn_lab.data.batches import Digits, normalised
from svhn_lab.errors import UserError
from svhn_lab.nets import zoo
from svhn_lab.nets.network import Network
from svhn_lab.params import PARAMS_FILE, Params, load
from svhn_lab.recipes import Arm
from svhn_lab.stages.prepared import Manifest, images_digest, load_digits, load_manifest
from svhn_lab.stages.runs import run, run_all, say_sums, sum_up
from svhn_lab.tracking.record import Identity
from svhn_lab.training.device import device
from svhn_lab.training.fit import fit

Teachers = Mapping[str, Network]  # trained, by the keys of their runs

WHITENED = 500  # training digits that a whitened stem begins from: 450,000 patches of 32x32


def identities(params: Params, arm: str) -> list[Identity]:
    """The runs of an arm, one per seed."""
    return [Identity("train", arm, seed) for seed in params.seeds]


def whole(arm: str) -> Identity:
    """The run that stands for all seeds of an arm."""
    return Identity("train", arm)


def with_rendered(train: Digits, number: int, identity: Identity, manifest: Manifest) -> Digits:
    """The training digits, then so many that the lab draws for the run's seed. Raises UserError if
    the classes are not the ten digits."""
    # Here, as most arms do without and start sooner.
    from svhn_lab.data.rendered import DIGITS, render
    from svhn_lab.data.resizing import resized

    if manifest.classes != list(DIGITS):
        raise UserError(
            f"{PARAMS_FILE}: {identity.arm}: rendered is {number}, but the lab draws the digits 0 "
            f"to 9 and the classes of {manifest.name} are {', '.join(manifest.classes)}; set "
            "rendered: 0"
        )
    assert identity.seed is not None
    images, labels = render(number, seed=identity.seed, split="besides")
    images = resized(images, manifest.image_size)
    return Digits(
        torch.cat([train.images, torch.from_numpy(images)]),
        torch.cat([train.labels, torch.from_numpy(labels)]),
    )


def trained_on(
    task: tuple[Identity, Arm], prepared: Digits, manifest: Manifest
) -> tuple[Digits, dict[str, Any]]:
    """What the arm trains on, which is these digits and the rendered ones that it wants; and what
    the record of the run says of it besides its recipe."""
    identity, arm = task
    settings: dict[str, Any] = {"stage": identity.stage, "arm": identity.arm}
    if not arm.rendered:
        return prepared, settings
    train = with_rendered(prepared, arm.rendered, identity, manifest)
    rendered = train.take(slice(len(prepared), None))
    return train, settings | {"rendered_digest": images_digest(rendered)}


def train_one(task: tuple[Identity, Arm], *, teachers: Teachers | None = None) -> Identity:
    """One seed of an arm: fresh weights and the order of the digits follow from it. What teachers
    say, if there are any, takes the place of labels."""
    identity, arm = task
    assert identity.seed is not None
    manifest = load_manifest()
    net = zoo.build(arm.net, seed=identity.seed, **manifest.network_size)
    train, settings = trained_on(task, load_digits("train"), manifest)
    if net.whitens():
        net.whiten(normalised(train.take(slice(0, WHITENED)).images, manifest.statistics))
    train_by = fit
    if teachers:
        settings["teachers"] = list(teachers)
        train_by = partial(fit, teachers=[trained.to(device()) for trained in teachers.values()])
    return run(
        identity,
        net,
        arm,
        settings,
        train,
        load_digits("validation"),
        manifest,
        train_by=train_by,
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
