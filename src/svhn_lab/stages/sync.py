"""`sync` (no stage of the graph): makes MLflow equal to the records on disk, whatever became of
it: runs that DVC restored without running, a server that was down, a lost database."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import click

from svhn_lab.errors import UserError
from svhn_lab.stages import extras
from svhn_lab.stages.layout import REGISTRATION, read_json
from svhn_lab.stages.mirroring import catching_up
from svhn_lab.tracking import record
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.reconcile import Difference, differences
from svhn_lab.tracking.store import UNUSABLE, cannot_be_used, sqlite_file, tracking_uri


def refuse_elsewhere() -> None:
    """Raises UserError in another folder than the project's top one: no record would be found, and
    every run would seem to have lost its own."""
    if not Path("dvc.yaml").is_file():
        raise UserError(f"{Path.cwd()}: has no dvc.yaml; run this in the project's top folder")


def registry_differences() -> list[Difference]:
    """What the registry lacks of what is on disk. An alias that somebody, or a later registration,
    has put on another version stays there."""
    from svhn_lab.tracking import registry

    if not REGISTRATION.exists():
        return []
    registration = read_json(REGISTRATION, "register")
    model, key = registration["model"], registration.get("key")
    if model is None:
        return []
    temperature = registration["tags"].get(registry.TEMPERATURE)
    version = registry.version_of(model, key, temperature)
    holders = [registry.holder(model, alias) for alias in (registry.CHAMPION, registry.CHALLENGER)]
    has_alias = any(version and each and each.version == version.version for each in holders)
    if version is None:
        says = f"has no version with key {key}"
    elif registry.holder(model, registration["alias"]) is None and not has_alias:
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
    refuse_elsewhere()
    identities = record.on_disk()
    file = sqlite_file(tracking_uri())
    if dry_run and file is not None and not file.exists():
        click.echo(f"sync: {len(identities)} runs on disk, no store yet ({file}); nothing changed")
        return
    try:
        with nullcontext() if dry_run else catching_up():
            lab = Mirror(to_look=dry_run)
            found = differences(lab, extras.on_disk(), prune=prune) + registry_differences()
            for difference in found:
                click.echo(f"{difference.kind}: {difference.name}: {difference.says}")
                if difference.mend is not None and not dry_run:
                    difference.mend()
    except UNUSABLE as failure:
        raise cannot_be_used(failure, then="run this again") from None
    if dry_run:
        click.echo(
            f"sync: {len(identities)} runs on disk, {len(found)} differences; nothing changed"
        )
        return
    left = [difference for difference in found if difference.mend is None]
    mended = len(found) - len(left)
    unreadable = [each for each in left if each.kind == "unreadable"]
    all_there = "all but what cannot be read" if unreadable else "all"
    click.echo(
        f"sync: {len(identities)} runs on disk, {all_there} in MLflow; {mended} differences mended"
    )
    if unreadable:
        raise UserError("\n".join(each.says for each in unreadable))
    if left:
        click.echo(
            f"{len(left)} runs in MLflow have no record here. If they are not another checkout's, "
            "`python -m svhn_lab sync --prune` marks them superseded."
        )
