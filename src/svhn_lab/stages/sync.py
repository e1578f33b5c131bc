"""`sync` (no stage of the graph): makes MLflow equal to the records on disk, whatever became of
it: runs that DVC restored without running, a server that was down, a lost database."""

import json
from collections.abc import Callable
from functools import partial

import click
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from svhn_lab.errors import UserError
from svhn_lab.stages import extras
from svhn_lab.stages.layout import REGISTRATION
from svhn_lab.stages.mirroring import BEHIND
from svhn_lab.tracking import record
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.reconcile import Difference, differences
from svhn_lab.tracking.store import tracking_uri


def registry_differences() -> list[Difference]:
    """What the registry lacks of what is on disk. An alias that somebody, or a later registration,
    has put on another version stays there."""
    from svhn_lab.tracking import registry

    if not REGISTRATION.exists():
        return []
    registration = json.loads(REGISTRATION.read_text(encoding="utf-8"))
    model, key = registration["model"], registration.get("key")
    if model is None:
        return []
    if registry.version_of(model, key) is None:
        says = f"has no version with key {key}"
    elif registry.holder(model, registration["alias"]) is None:
        says = f"has no {registration['alias']}"
    else:
        return []
    return [Difference("missing", f"models:/{model}", says, _put(registration))]


def _put(registration: dict[str, str]) -> Callable[[], object]:
    from svhn_lab.stages import register  # imports torch: only if there is something to register

    return partial(register.put, registration)


def main(*, dry_run: bool = False, prune: bool = False) -> None:
    """Mends every difference between MLflow and the records on disk, and says which; with `dry_run`
    it says them alone. Raises UserError if the store cannot be used, or something is left."""
    try:
        lab = Mirror()
        found = differences(lab, extras.on_disk(), prune=prune) + registry_differences()
        for difference in found:
            click.echo(f"{difference.kind}: {difference.name}: {difference.says}")
            if difference.mend is not None and not dry_run:
                difference.mend()
    except (MlflowException, SQLAlchemyError) as failure:
        raise UserError(
            f"MLflow's store {tracking_uri()} cannot be used: {failure}; mend "
            "MLFLOW_TRACKING_URI or start its server, then run this again"
        ) from None
    num_records = len(record.on_disk())
    if dry_run:
        click.echo(f"sync: {num_records} runs on disk, {len(found)} differences; nothing changed")
        return
    BEHIND.unlink(missing_ok=True)
    left = [difference for difference in found if difference.mend is None]
    mended = len(found) - len(left)
    click.echo(f"sync: {num_records} runs on disk, all in MLflow; {mended} differences mended")
    if unreadable := [each for each in left if each.kind == "unreadable"]:
        raise UserError("\n".join(each.says for each in unreadable))
    if left:
        click.echo(
            f"{len(left)} runs in MLflow have no record here. If they are not another checkout's, "
            "`python -m svhn_lab sync --prune` marks them superseded."
        )
