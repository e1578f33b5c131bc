"""Where MLflow and the records on disk differ, and how each difference is mended: what `sync` does,
and `doctor` reports."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from svhn_lab.errors import UserError
from svhn_lab.tracking import record
from svhn_lab.tracking.mirror import (
    DVC_EXPERIMENT,
    FILES,
    KEY,
    NAME,
    PROCESS,
    SUPERSEDED,
    Mirror,
    files_digest,
    goes_on,
    is_back,
    missing_figures,
    sort_out,
    status,
)
from svhn_lab.tracking.process import is_here
from svhn_lab.tracking.record import Identity, Record

Kind = Literal[
    "missing",  # a record has no run
    "broken",  # a run was left half-written
    "doubled",  # a key has more than one run
    "outdated",  # a run of another key is not marked superseded, or one of this key is
    "unattached",  # a run lacks test figures, files, or its place below its parent
    "orphaned",  # a run has no record any more
    "unreadable",  # a record is not whole
]


@dataclass(frozen=True)
class Difference:
    """One difference: which run of which name, what is wrong, and what mends it, if it is safe to
    do so unasked."""

    kind: Kind
    name: str
    says: str
    mend: Callable[[], object] | None


@dataclass(frozen=True)
class Extras:
    """What a finished run shows besides its record, by content key: figures, and files."""

    figures: Mapping[str, Mapping[str, float]]
    files: Mapping[str, Sequence[Path]]


def differences(mirror: Mirror, extras: Extras, *, prune: bool = False) -> list[Difference]:
    """All there are, in the order in which they are to be mended. Orphaned runs are mended (marked
    superseded) with `prune` alone, as they may be another checkout's; then what other machines have
    not ended, of which it cannot be told whether it goes on, counts as killed as well."""
    runs = [run for run in mirror.runs() if not mirror.logs(run)]
    by_name: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_name[run.data.tags[NAME]].append(run)
    parents = {run.data.tags[KEY]: run.data.tags.get(MLFLOW_PARENT_RUN_ID) for run in runs}
    found = []
    names = set()
    for identity in record.on_disk():
        names.add(identity.name)
        found += _of_record(mirror, identity, by_name[identity.name], parents, extras)
    for run in runs:
        if run.data.tags[NAME] not in names:
            found += _without_record(mirror, run, prune)
    return found


def _of_record(
    mirror: Mirror,
    identity: Identity,
    runs: list[Run],
    parents: Mapping[str, str | None],
    extras: Extras,
) -> list[Difference]:
    """Between one record and the runs of its name."""
    try:
        of, where = record.read(identity), record.read_provenance(identity)
    except UserError as failure:
        return [Difference("unreadable", identity.name, str(failure), None)]
    roles = sort_out(runs, of.key, status(of), where.dvc_experiment)
    name, found = identity.name, list[Difference]()

    def differs(kind: Kind, says: str, mend: Callable[[], object]) -> None:
        found.append(Difference(kind, name, says, mend))

    def put() -> None:
        run_id = mirror.add(of, where)
        mirror.attach(run_id, extras.figures.get(of.key, {}))
        if files := extras.files.get(of.key):
            mirror.attach_files(run_id, files)

    if any(run.data.tags[KEY] == of.key for run in roles.going_on):
        return []  # whoever trains it is about to end it
    if roles.whole is None:
        kind: Kind = "broken" if roles.broken else "missing"
        says = "was left half-written" if roles.broken else "is not in MLflow"
        differs(kind, says, put)
        return found
    for run in roles.broken:
        differs("broken", f"run {run.info.run_id} was left half-written", put)
    for run in roles.doubled:
        differs("doubled", f"run {run.info.run_id} is there twice", put)
    for run in roles.outdated:
        differs("outdated", f"run {run.info.run_id} is of older settings, unmarked", put)
    if is_back(roles.whole, where.dvc_experiment):
        differs("outdated", "is marked superseded, and is what lies on disk", put)
    if lacking := _lacking(roles.whole, of, parents, extras):
        differs("unattached", f"lacks {', '.join(lacking)}", put)
    return found


def _lacking(run: Run, of: Record, parents: Mapping[str, str | None], extras: Extras) -> list[str]:
    """What the record's whole run does not have that is on disk."""
    lacking = []
    if figures := missing_figures(run, extras.figures.get(of.key, {})):
        lacking.append("figures (" + ", ".join(sorted(figures)[:3]) + ")")
    files = extras.files.get(of.key, ())
    if files and run.data.tags.get(FILES) != files_digest(files):
        lacking.append("files")
    if any(parents.get(member) != run.info.run_id for member in of.members):
        lacking.append("runs that belong below it")
    return lacking


def _without_record(mirror: Mirror, run: Run, prune: bool) -> list[Difference]:
    """Of a run whose name is not on disk."""
    run_id, name, tags = run.info.run_id, run.data.tags[NAME], run.data.tags
    if run.info.status == "RUNNING":
        if goes_on(run) and not (prune and not is_here(tags[PROCESS])):
            return []
        kill = partial(mirror.client.set_terminated, run_id, "KILLED")
        return [Difference("broken", name, f"run {run_id} was killed, and is shown running", kill)]
    if SUPERSEDED in tags or DVC_EXPERIMENT in tags or run.info.status == "KILLED":
        return []
    mark = partial(mirror.client.set_tag, run_id, SUPERSEDED, "true") if prune else None
    return [Difference("orphaned", name, f"run {run_id} has no record on disk", mark)]
