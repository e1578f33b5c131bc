"""`compete ARM SEED` (contests/dvc.yaml): trains one arm of the contests with one seed. Each such
run is long enough to be a stage of its own: one more seed trains nothing again."""

from svhn_lab.errors import UserError
from svhn_lab.params import PARAMS_FILE, load
from svhn_lab.stages.runs import run_all
from svhn_lab.stages.train import train_one
from svhn_lab.tracking.record import COMPETE, Identity


def main(arm_name: str, seed: str) -> None:
    """Trains it. Raises UserError if params.yaml has no such arm in the contests."""
    params = load()
    arms = params.contests.arms
    if arm_name not in arms:
        raise UserError(
            f"{PARAMS_FILE}: contests.arms: has no {arm_name!r}; there are: {', '.join(arms)}"
        )
    identity = Identity(COMPETE, arm_name, int(seed))
    run_all(train_one, [(identity, arms[arm_name])], params.compute)
