"""What has been found of single arms, for the terminal: `show` and `compare` read it."""

from collections.abc import Sequence
from typing import Any

from svhn_lab.errors import UserError, did_you_mean
from svhn_lab.params import PARAMS_FILE, Params
from svhn_lab.stages import competitors
from svhn_lab.stages.layout import CONTESTS, CONTESTS_STAGE, EVALUATION, read_json
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Record


def runs(params: Params, arm: str) -> list[Record]:
    """The runs of an arm, of the lab's or of the contests', one a seed. Raises UserError if
    params.yaml names no such arm, or it has not been trained."""
    if arm in params.arms:
        return [record.read(Identity("train", arm, seed)) for seed in params.seeds]
    if arm in params.contests.competing:
        return [record.read(identity) for identity in competitors.identities(params, arm)]
    names = [*params.arms, *params.contests.competing]
    hint = did_you_mean(arm, names, f"there are: {', '.join(names)}")
    raise UserError(f"{PARAMS_FILE}: arms: has no {arm!r}; {hint}")


def evaluated(arm: str, of: list[Record]) -> dict[str, Any] | None:
    """The entry of evaluation.json, or contests.json, on just these runs of the arm, and the
    dataset that they were tested on; None if they have not been tested."""
    file = CONTESTS if _competes(of) else EVALUATION
    if not file.exists():
        return None
    found = read_json(file, testing(of))
    entry: dict[str, Any] | None = found["arms"].get(arm)
    if entry is None or entry["keys"] != [run.key for run in of]:
        return None
    return entry | {"dataset": found["dataset"]}


def testing(of: Sequence[Record]) -> str:
    """The DVC stage that tests these runs of an arm."""
    return CONTESTS_STAGE if _competes(of) else "evaluate"


def _competes(of: Sequence[Record]) -> bool:
    return of[0].identity.stage in record.COMPETING
