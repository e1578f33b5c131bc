"""What the runs of one name in MLflow are to each other, and to the record of that name: the one
mirror image, going on, half-written, doubled, outdated. Each run's tags tell."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mlflow.entities import Run

from svhn_lab.tracking.process import is_here, lives, this_process
from svhn_lab.tracking.record import Record
from svhn_lab.tracking.store import copied_from

KEY = "svhn_lab.key"
NAME = "svhn_lab.name"
STAGE = "svhn_lab.stage"
ARM = "svhn_lab.arm"
SUPERSEDED = "svhn_lab.superseded"
DVC_EXPERIMENT = "svhn_lab.dvc_experiment"
PROCESS = "svhn_lab.process"  # that logs, or logged, the run
FILES = "svhn_lab.files"  # md5 of the further files that were logged


@dataclass(frozen=True)
class Roles:
    """What the runs of one name are to each other, when one key is that of the record."""

    whole: Run | None = None  # the record's one mirror image
    going_on: list[Run] = field(default_factory=list)  # another process logs them
    broken: list[Run] = field(default_factory=list)  # half-written
    doubled: list[Run] = field(default_factory=list)  # whole as well
    outdated: list[Run] = field(default_factory=list)  # of another key, and not yet marked so


def status(record: Record) -> str:
    """The state that a record's mirror image is left in."""
    return "FINISHED" if record.failure is None else "FAILED"


def goes_on(run: Run) -> bool:
    """Whether a process that still lives logs the run, or one of another machine, of which that
    cannot be told. This process knows by itself which it logs."""
    process = run.data.tags.get(PROCESS, "")
    return (
        run.info.status == "RUNNING"
        and bool(process)
        and process != this_process()
        and lives(process)
    )


def is_elsewhere(run: Run) -> bool:
    """Whether another machine's process logs, or logged, the run."""
    return not is_here(run.data.tags.get(PROCESS, this_process()))


def in_charge(of: str | None, dvc_experiment: str | None) -> bool:
    """Whether a record of one DVC experiment decides which runs of the experiment `of` are outdated
    (None: runs of none). Those of other experiments stay, to be compared. What lies in the checkout
    itself replaces what lay there before; a temporary copy of it does not."""
    if of is None:
        return copied_from(Path.cwd().resolve()) is None
    return of == dvc_experiment


def is_back(run: Run, dvc_experiment: str | None) -> bool:
    """Whether a run was outdated, and is what lies on disk again."""
    tags = run.data.tags
    return SUPERSEDED in tags and in_charge(tags.get(DVC_EXPERIMENT), dvc_experiment)


def sort_out(runs: Iterable[Run], key: str, expected: str, dvc_experiment: str | None) -> Roles:
    """The runs of one name in their roles; the record has this key, and its mirror image would be
    in the state `expected`."""
    found: dict[str, list[Run]] = {
        "whole": [],
        "going_on": [],
        "broken": [],
        "doubled": [],
        "outdated": [],
    }

    def role(run: Run) -> str | None:
        if run.info.status == "RUNNING":
            return "going_on" if goes_on(run) else "broken"
        if run.data.tags[KEY] != key:
            marked = SUPERSEDED in run.data.tags
            replaced = in_charge(run.data.tags.get(DVC_EXPERIMENT), dvc_experiment)
            return "outdated" if replaced and not marked else None
        if run.info.status != expected:
            return "broken"
        return "doubled" if found["whole"] else "whole"

    for run in sorted(runs, key=lambda run: int(run.info.start_time)):
        if place := role(run):
            found[place].append(run)
    whole = found.pop("whole")
    return Roles(whole=whole[0] if whole else None, **found)
