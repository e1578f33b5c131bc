"""The stages' way to MLflow. A store that cannot be used loses nothing and stops nothing: the
records are on disk, it is said once, and `svhn-lab sync` catches up."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity

if TYPE_CHECKING:
    from svhn_lab.tracking.mirror import Mirror


def mirror(
    identities: Iterable[Identity],
    figures: Mapping[str, Mapping[str, float]] | None = None,
    files: Mapping[str, Iterable[Path]] | None = None,
) -> bool:
    """Puts these runs into MLflow, with further `figures` and `files` by content key; whether it
    could."""
    lab = _lab()
    if lab is None:
        return False
    from mlflow.exceptions import MlflowException

    try:
        for identity in identities:
            run = record.read(identity)
            run_id = lab.add(run, record.read_provenance(identity))
            if figures and run.key in figures:
                lab.attach(run_id, figures[run.key])
            for file in files.get(run.key, ()) if files else ():
                lab.client.log_artifact(run_id, str(file), "study")
    except MlflowException as failure:
        _warn(str(failure))
        return False
    return True


@cache
def _lab() -> "Mirror | None":
    """The lab's MLflow store, opened at the first result: MLflow is imported while runs go on.
    None if it cannot be used."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from svhn_lab.tracking.mirror import Mirror

    try:
        return Mirror()
    except (MlflowException, SQLAlchemyError) as failure:
        _warn(str(failure))
        return None


@cache
def _warn(reason: str) -> None:
    from svhn_lab.tracking.store import tracking_uri

    first_line = reason.strip().splitlines()[0]
    click.secho(
        f"MLflow's store {tracking_uri()} cannot be used: {first_line}\n"
        "Nothing is lost: the results are on disk. Mend MLFLOW_TRACKING_URI or start its server, "
        "then run `python -m svhn_lab sync`.",
        fg="yellow",
        err=True,
    )
