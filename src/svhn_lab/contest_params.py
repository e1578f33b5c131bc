"""The contests' section of params.yaml, which contests/dvc.yaml uses."""

from typing import Annotated

from pydantic import AfterValidator, Field

from svhn_lab.recipes import Arm
from svhn_lab.schema import Name, Section, Seed, distinct


class Contests(Section):
    """Which network of at most `gate.max_parameters` is the best: under the fixed settings of
    `training` (arms `fixed-*`), and however it is trained (arms `free-*`)."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)]
    """Each arm is trained once per seed, each in a stage of its own."""
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    """Who competes, with `training` as defaults."""
    references: dict[Name, str]
    """Which arm each arm is compared with."""
