"""`ui` (no stage of the graph): MLflow's own pages, of the lab's store."""

import os
import sys

import click

from svhn_lab.tracking.notes import runs_page
from svhn_lab.tracking.store import open_store, project_root, shown_uri, tracking_uri

LOOPBACK = "127.0.0.1"


def main(port: int) -> None:
    """Becomes `mlflow ui` on loopback, with the lab's store; of a store that is a server already it
    says where that is."""
    uri = tracking_uri()
    page = runs_page(open_store()[1])
    if uri.startswith(("http://", "https://")):
        click.echo(f"The lab's runs are on a server: open {shown_uri().rstrip('/')}{page}")
        return
    click.echo(f"The store is {shown_uri()}. Ctrl-C ends its server. Open", err=True)
    click.echo(f"http://{LOOPBACK}:{port}{page}", err=True)
    root = project_root()
    os.chdir(root)
    command = ["mlflow", "ui", "--backend-store-uri", uri, "--host", LOOPBACK, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", *command])
