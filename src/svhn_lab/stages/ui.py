"""`ui` (no stage of the graph): MLflow's own pages, of the lab's store."""

import os
import sys

import click

from svhn_lab.tracking.notes import runs_page
from svhn_lab.tracking.store import (
    UNUSABLE,
    cannot_be_used,
    connect,
    own_experiment,
    project_root,
    shown_uri,
    tracking_uri,
)

LOOPBACK = "127.0.0.1"


def address(server: str) -> str:
    """Where the server shows the lab's runs, or itself if it has none yet. Raises UserError if the
    store cannot be used."""
    try:
        experiment = own_experiment(connect())
    except (*UNUSABLE, OSError) as failure:
        raise cannot_be_used(failure) from None
    return server if experiment is None else f"{server}{runs_page(experiment)}"


def main(port: int) -> None:
    """Becomes `mlflow ui` on loopback, with the lab's store; of a store that is a server already it
    says where that is."""
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        click.echo(f"The lab's runs are on a server: open {address(shown_uri().rstrip('/'))}")
        return
    here = address(f"http://{LOOPBACK}:{port}")
    click.echo(f"The store is {shown_uri()}. Ctrl-C ends its server. Open\n{here}", err=True)
    root = project_root()
    os.chdir(root)
    command = ["mlflow", "ui", "--backend-store-uri", uri, "--host", LOOPBACK, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", *command])
