"""What has been found of single arms, for the terminal: `show` and `compare` read it."""

import difflib
from typing import Any

from svhn_lab.errors import UserError
from svhn_lab.params import PARAMS_FILE, Params
from svhn_lab.stages.layout import EVALUATION, read_json
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Record


def runs(params: Params, arm: str) -> list[Record]:
    """The arm's runs, one a seed. Raises UserError if params.yaml names no such arm, or it has not
    been trained."""
    if arm not in params.arms:
        close = difflib.get_close_matches(arm, params.arms, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(params.arms)}"
        raise UserError(f"{PARAMS_FILE}: arms: has no {arm!r}; {hint}")
    return [record.read(Identity("train", arm, seed)) for seed in params.seeds]


def evaluated(arm: str, of: list[Record]) -> dict[str, Any] | None:
    """The entry of evaluation.json on just these runs of the arm, if they have been tested."""
    if not EVALUATION.exists():
        return None
    entry: dict[str, Any] | None = read_json(EVALUATION, "evaluate")["arms"].get(arm)
    if entry is None or entry["keys"] != [run.key for run in of]:
        return None
    return entry
