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
from svhn_lab.tracking.mirror import Mirror, files_digest, missing_figures
from svhn_lab.tracking.record import Identity, Record
from svhn_lab.tracking.roles import (
    DVC_EXPERIMENT,
    FILES,
    KEY,
    NAME,
    SUPERSEDED,
    goes_on,
    in_charge,
    is_back,
    is_elsewhere,
    sort_out,
    status,
)

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
    found = list[Difference]()
    names = set()
    identities, damaged = record.scan()
    for file in damaged:
        says = f"{file}: is damaged; `dvc checkout --force --allow-missing` brings it back"
        found.append(Difference("unreadable", str(file.parent), says, None))
    if prune:
        found += [_killed(mirror, run) for run in runs if goes_on(run) and is_elsewhere(run)]
    for identity in identities:
        names.add(identity.name)
        found += _of_record(mirror, identity, by_name[identity.name], parents, extras)
    for run in runs:
        if run.data.tags[NAME] not in names and not goes_on(run):
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

    def is_still_on_disk() -> bool:
        return record.exists(identity) and record.read(identity).key == of.key

    def put() -> None:
        if not is_still_on_disk():
            return  # a stage has made it anew meanwhile, and puts it there itself
        run_id = mirror.add(of, where)
        if may_attach:
            attach(run_id)

    def attach(run_id: str) -> None:
        mirror.attach(run_id, extras.figures.get(of.key, {}))
        if files := extras.files.get(of.key):
            mirror.attach_files(run_id, files)

    def complete(run: Run) -> None:
        if is_still_on_disk():
            if of.members:
                mirror.adopt(run.info.run_id, of, where)
            attach(run.info.run_id)

    # A temporary copy of the checkout has results of its own, and runs that it has in common with
    # the checkout keep those of the checkout.
    may_attach = roles.whole is None or in_charge(
        roles.whole.data.tags.get(DVC_EXPERIMENT), where.dvc_experiment
    )
    if roles.whole is None:
        here = [run for run in roles.going_on if not is_elsewhere(run)]
        if any(run.data.tags[KEY] == of.key for run in here):
            return []  # whoever trains it is about to end it
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
    lacking = _lacking(roles.whole, of, parents, extras)
    if lacking and may_attach:
        whole = roles.whole
        differs("unattached", f"lacks {', '.join(lacking)}", lambda: complete(whole))
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


def _killed(mirror: Mirror, run: Run) -> Difference:
    """Of a run that is shown running, and is not."""
    kill = partial(mirror.client.set_terminated, run.info.run_id, "KILLED")
    says = f"run {run.info.run_id} was killed, and is shown running"
    return Difference("broken", run.data.tags[NAME], says, kill)


def _without_record(mirror: Mirror, run: Run, prune: bool) -> list[Difference]:
    """Of a run whose name is not on disk."""
    run_id, name, tags = run.info.run_id, run.data.tags[NAME], run.data.tags
    if run.info.status == "RUNNING":
        return [_killed(mirror, run)]
    if SUPERSEDED in tags or DVC_EXPERIMENT in tags or run.info.status == "KILLED":
        return []
    mark = partial(mirror.client.set_tag, run_id, SUPERSEDED, "true") if prune else None
    return [Difference("orphaned", name, f"run {run_id} has no record on disk", mark)]
