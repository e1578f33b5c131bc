"""`distil ARM SEED` (contests/dvc.yaml): trains one arm of `contests.distilled` with one seed, by
what the teacher says in the place of labels."""

from svhn_lab.errors import UserError
from svhn_lab.params import PARAMS_FILE, load
from svhn_lab.recipes import Arm
from svhn_lab.stages import teach
from svhn_lab.stages.prepared import load_manifest
from svhn_lab.stages.runs import run_all
from svhn_lab.stages.train import train_one
from svhn_lab.tracking.record import DISTIL, Identity


def distil_one(task: tuple[Identity, Arm]) -> Identity:
    """One seed of a distilled arm."""
    return train_one(task, teacher=teach.trained(load(), load_manifest()))


def main(arm_name: str, seed: str) -> None:
    """Trains it. Raises UserError if params.yaml has no such distilled arm."""
    params = load()
    arms = params.contests.distilled
    if arm_name not in arms:
        raise UserError(
            f"{PARAMS_FILE}: contests.distilled: has no {arm_name!r}; there are: {', '.join(arms)}"
        )
    identity = Identity(DISTIL, arm_name, int(seed))
    run_all(distil_one, [(identity, arms[arm_name])], params.compute)
