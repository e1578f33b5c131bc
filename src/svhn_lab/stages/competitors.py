"""The runs of who competes in the contests, and of whom some of them learn or start from."""

from collections.abc import Mapping

from svhn_lab.errors import UserError
from svhn_lab.params import PARAMS_FILE, Params
from svhn_lab.recipes import Arm
from svhn_lab.tracking.record import ADAPT, COMPETE, DISTIL, Identity


def stage(params: Params, arm: str) -> str:
    """The stage that trains the arm."""
    if arm in params.contests.distilled:
        return DISTIL
    return ADAPT if arm in params.contests.adapted else COMPETE


def named(arm: str, arms: Mapping[str, Arm], section: str) -> Arm:
    """The arm of this name. Raises UserError if that section of the contests has none."""
    if arm not in arms:
        raise UserError(
            f"{PARAMS_FILE}: contests.{section}: has no {arm!r}; there are: {', '.join(arms)}"
        )
    return arms[arm]


def identity(params: Params, arm: str, seed: int) -> Identity:
    """The run of an arm with this seed. Raises UserError if the contests have no such seed."""
    if seed not in params.contests.seeds:
        raise UserError(
            f"{PARAMS_FILE}: contests.seeds: has no {seed}; there are: "
            f"{', '.join(map(str, params.contests.seeds))}"
        )
    return Identity(stage(params, arm), arm, seed)


def identities(params: Params, arm: str) -> list[Identity]:
    """The runs of an arm, one per seed."""
    return [Identity(stage(params, arm), arm, seed) for seed in params.contests.seeds]


def teachers(params: Params) -> list[Identity]:
    """The runs whose networks those of `contests.distilled` learn from."""
    return identities(params, params.contests.teachers)


def pretrained(params: Params, seed: int) -> Identity:
    """The run whose network those of `contests.adapted` with this seed start from."""
    return Identity(COMPETE, params.contests.pretrained, seed)
