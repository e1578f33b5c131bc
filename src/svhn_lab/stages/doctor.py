"""`doctor` (no stage of the graph): looks at everything that can be wrong between the digits, the
records, DVC and MLflow, and names the remedy of each. It changes nothing, but that the store of a
checkout that has been moved learns where its artifacts lie now."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click
import numpy as np
from mlflow.exceptions import MlflowException

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages import extras, lockfiles
from svhn_lab.stages.layout import MANIFEST, PREPARED, REGISTRATION, read_json
from svhn_lab.stages.prepared import digest_of, load_manifest
from svhn_lab.stages.sync import refuse_elsewhere, registry_differences
from svhn_lab.tracking import record, registry
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.reconcile import Kind, differences
from svhn_lab.tracking.store import UNUSABLE, shown_uri, sqlite_file, tracking_uri

SYNC = "python -m svhn_lab sync"
# Contests that have not been run have nothing that could be brought back.
BRING_BACK = "dvc checkout --force --allow-missing, or dvc repro"
REMEDIES: dict[Kind, str] = {
    "missing": SYNC,
    "broken": SYNC,
    "doubled": SYNC,
    "outdated": SYNC,
    "unattached": SYNC,
    "orphaned": f"{SYNC} --prune, if it is not another checkout's",
    "unreadable": BRING_BACK,
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, where it was looked for, and what to do about it."""

    check: str
    problem: str
    remedy: str


def params() -> Iterator[Finding]:
    """Whether params.yaml is as the schema wants it; DVC reads it as well, and says less of what is
    wrong."""
    try:
        load()
    except UserError as failure:
        for line in str(failure).splitlines():
            yield Finding("params", line, "mend it; `svhn-lab check` looks again")


def disk(least_free_bytes: int = 2 * 2**30) -> Iterator[Finding]:
    """Room for what a lab writes: its outs on full SVHN, and DVC's copy of them."""
    free = shutil.disk_usage(".").free
    if free < least_free_bytes:
        yield Finding(
            "disk",
            f"{free / 2**30:.1f} GiB are free here, and a lab takes up to "
            f"{least_free_bytes / 2**30:.0f}",
            "make room; `dvc gc --workspace` removes what no result here needs",
        )


def digits() -> Iterator[Finding]:
    """Whether the prepared digits are those that their manifest says."""
    if not MANIFEST.exists():
        return
    manifest = load_manifest()
    remedy = "dvc repro --force --single-item prepare, then dvc repro"
    try:
        splits = {
            split: tuple(
                np.load(PREPARED / split / f"{part}.npy", mmap_mode="r")
                for part in ("images", "labels")
            )
            for split in manifest.splits
        }
        found = digest_of(splits)
    except (OSError, ValueError) as failure:
        yield Finding("digits", f"{PREPARED}: cannot be read: {failure}", remedy)
        return
    if found != manifest.digest:
        yield Finding(
            "digits",
            f"{PREPARED}: has md5 {found}, but {MANIFEST} says {manifest.digest}",
            remedy,
        )


def records() -> Iterator[Finding]:
    """Whether every run on disk is as it was left, and has its network if it succeeded."""
    identities, damaged = record.scan()
    for file in damaged:
        yield Finding("records", f"{file}: is damaged", BRING_BACK)
    for identity in identities:
        try:
            run = record.read(identity)
        except UserError as failure:
            yield Finding("records", str(failure), f"dvc repro {identity.dvc_stage}")
            continue
        if run.curves and run.failure is None and not identity.weights.is_file():
            yield Finding(
                "records",
                f"{identity.name}: {identity.weights} is not there",
                f"dvc checkout {identity.dvc_stage}, or dvc repro {identity.dvc_stage}",
            )


def graph() -> Iterator[Finding]:
    """Whether what lies on disk is what dvc.lock says. That a stage is out of date, as params.yaml
    or code has changed since, is no fault."""
    broken = lockfiles.half_written()
    for lock in broken:
        yield Finding("graph", f"{lock}: is half-written", lockfiles.remedy(lock))
    if broken:
        return
    made = lockfiles.locked_stages()
    if not made:
        return
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        problem, remedy = f"dvc status fails: {done.stderr.strip()}", "mend what it names"
        if lockfiles.is_busy(done.stderr):
            problem = "a stage runs in this checkout, and DVC tells nothing meanwhile"
            remedy = "wait until it is done, and look again"
        yield Finding("graph", problem, remedy)
        return
    for stage, changes in json.loads(done.stdout).items():
        for change in changes if stage in made else ():
            outs = change.get("changed outs", {}) if isinstance(change, dict) else {}
            for out, state in outs.items():
                if state == "not in cache":  # which DVC says before it looks at the file
                    problem, remedy = (
                        "has no copy in DVC's cache",
                        f"dvc pull {out}, or dvc repro {stage}",
                    )
                else:
                    problem = f"is {state}, against what dvc.lock has of stage {stage}"
                    remedy = f"dvc checkout {out}, or dvc repro {stage}"
                yield Finding("graph", f"{out}: {problem}", remedy)


def store() -> Iterator[Finding]:
    """Whether MLflow's store can be used, and holds what is on disk."""
    uri = tracking_uri()
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        if record.on_disk():
            yield Finding("store", f"{file}: is not there, though there are runs on disk", SYNC)
        return
    results = extras.on_disk()
    try:
        for difference in differences(Mirror(to_look=True), results):
            if difference.kind == "unreadable":
                continue  # the records have been looked at
            problem = f"{difference.kind}: {difference.name}: {difference.says}"
            yield Finding("runs", problem, REMEDIES[difference.kind])
        yield from aliases()
    except (*UNUSABLE, OSError) as failure:
        [reason, *_] = [*str(failure).strip().splitlines(), type(failure).__name__]
        out_of_date = "out-of-date database schema" in reason
        # Of the variable by its name, as its value may have a password.
        upgraded = '"$MLFLOW_TRACKING_URI"' if os.environ.get("MLFLOW_TRACKING_URI") else uri
        yield Finding(
            "store",
            f"{shown_uri()}: cannot be used: {reason}",
            f"mlflow db upgrade {upgraded} (after a backup)"
            if out_of_date
            else "mend MLFLOW_TRACKING_URI, or start its server",
        )


def aliases() -> Iterator[Finding]:
    """Whether the registry holds what was registered, and its champion can be had."""
    for difference in registry_differences():
        yield Finding("registry", f"{difference.name} {difference.says}", SYNC)
    if not REGISTRATION.exists():
        return
    model = read_json(REGISTRATION, "register")["model"]
    champion = registry.holder(model, registry.CHAMPION) if model else None
    if champion is None:
        return
    again = "dvc repro --force --single-item register"
    name = f"models:/{model}@{registry.CHAMPION} (version {champion.version})"
    if champion.tags.get("gate") != "passed":
        yield Finding("registry", f"{name} has not passed the gate", again)
    try:
        registry.right_answers(champion)
    except (MlflowException, OSError) as failure:
        yield Finding("registry", f"{name} cannot be loaded: {failure}", again)


CHECKS = (params, disk, digits, records, graph, store)


def main(*, as_json: bool) -> int:
    """Prints every finding; gives the exit code: 0 without any, else 1. Raises UserError in another
    folder than the project's top one."""
    refuse_elsewhere()
    found = list[Finding]()
    for check in CHECKS:
        try:
            found += check()
        except UserError as failure:  # something that it wanted to read is damaged
            problem, _, remedy = str(failure).partition("; ")
            found.append(Finding(check.__name__, problem, remedy))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
        return bool(found)
    for finding in found:
        click.secho(f"{finding.check}: {finding.problem}", fg="red")
        click.echo(f"    remedy: {finding.remedy}")
    names = ", ".join(check.__name__ for check in CHECKS)
    many = "1 finding" if len(found) == 1 else f"{len(found)} findings"
    click.echo(f"doctor: {many}" if found else f"doctor: nothing wrong ({names})")
    return bool(found)
