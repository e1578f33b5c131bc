"""The runs of who competes in the contests."""

from svhn_lab.params import Params
from svhn_lab.tracking.record import COMPETE, DISTIL, Identity


def stage(params: Params, arm: str) -> str:
    """The stage that trains the arm."""
    return DISTIL if arm in params.contests.distilled else COMPETE


def identities(params: Params, arm: str) -> list[Identity]:
    """The runs of an arm, one per seed."""
    return [Identity(stage(params, arm), arm, seed) for seed in params.contests.seeds]
