"""`compete ARM SEED` (contests/dvc.yaml): trains one arm of `contests.arms` with one seed."""

from svhn_lab.params import load
from svhn_lab.stages import competitors
from svhn_lab.stages.runs import run_all
from svhn_lab.stages.train import train_one


def main(arm_name: str, seed: int) -> None:
    """Trains it. Raises UserError if params.yaml has no such arm, or seed, in the contests."""
    params = load()
    arm = competitors.named(arm_name, params.contests.arms, "arms")
    run_all(train_one, [(competitors.identity(params, arm_name, seed), arm)], params.compute)
