from svhn_lab.params import load
from svhn_lab.stages import competitors
from svhn_lab.stages.runs import run_all
from svhn_lab.stages.train import train_one
from svhn_lab.tracking.record import COMPETE, Identity


def main(arm_name: str, seed: str) -> None:
    """Trains it. Raises UserError if params.yaml has no such arm in the contests."""
    params = load()
    arm = competitors.named(arm_name, params.contests.arms, "arms")
    run_all(train_one, [(Identity(COMPETE, arm_name, int(seed)), arm)], params.compute)
