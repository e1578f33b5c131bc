"""`adapt ARM SEED` (contests/dvc.yaml): fine-tunes the network of another arm, of this seed, on the
training digits that are of the domain of the test digits (supervised domain adaptation), or on as
many others (its control)."""

from functools import partial

import numpy as np
import torch

from svhn_lab.contest_params import AdaptedArm
from svhn_lab.data.batches import Digits
from svhn_lab.params import load
from svhn_lab.stages import competitors
from svhn_lab.stages.prepared import images_digest, load_digits, load_manifest, load_target
from svhn_lab.stages.runs import load_model, run, run_all
from svhn_lab.stages.train import trained_on
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity


def fine_tuned_on(arm: AdaptedArm, seed: int) -> Digits:
    """The training digits that the arm asks for."""
    target = load_target()
    if arm.digits == "target":
        return target
    train = load_digits("train")
    chosen = np.random.default_rng(seed).choice(len(train), size=len(target), replace=False)
    return train.take(torch.from_numpy(np.sort(chosen)))


def adapt_one(task: tuple[Identity, AdaptedArm], *, start: Identity) -> Identity:
    """One seed of an arm, from the network of the run `start` on; its order of the digits follows
    from the seed. Raises UserError if that network is not on disk."""
    identity, arm = task
    assert identity.seed is not None
    manifest, digits = load_manifest(), fine_tuned_on(arm, identity.seed)
    train, settings = trained_on(task, digits, manifest)
    # Other pretrained weights make another run, though nothing else has changed.
    settings |= {
        "pretrained": start.arm,
        "pretrained_key": record.read(start).key,
        "digits_digest": images_digest(digits),
        "number_of_digits": len(digits),
    }
    net = load_model(start, arm.net, **manifest.network_size)
    return run(identity, net, arm, settings, train, load_digits("validation"), manifest)


def main(arm_name: str, seed: int) -> None:
    """Fine-tunes it. Raises UserError if params.yaml has no such adapted arm or no such seed, or
    the network to start from is not on disk."""
    params = load()
    arm = competitors.named(arm_name, params.contests.adapted, "adapted")
    identity = competitors.identity(params, arm_name, seed)
    adapt = partial(adapt_one, start=competitors.pretrained(params, seed))
    run_all(adapt, [(identity, arm)], params.compute)
