"""`distil ARM SEED` (contests/dvc.yaml): trains one arm of `contests.distilled` with one seed, by
what the teacher says in the place of labels."""

from functools import partial

from svhn_lab.params import load
from svhn_lab.stages import competitors, teach
from svhn_lab.stages.prepared import load_manifest
from svhn_lab.stages.runs import run_all
from svhn_lab.stages.train import train_one


def main(arm_name: str, seed: int) -> None:
    """Trains it. Raises UserError if params.yaml has no such distilled arm or no such seed, or
    the teacher is not on disk."""
    params = load()
    arm = competitors.named(arm_name, params.contests.distilled, "distilled")
    identity = competitors.identity(params, arm_name, seed)
    distil_one = partial(train_one, teacher=teach.trained(params, load_manifest()))
    run_all(distil_one, [(identity, arm)], params.compute)
