"""`sync` (no stage of the graph): makes MLflow hold every run that lies on disk, whatever became of
the store: runs that DVC restored without running, a server that was down, a lost database."""

import json

import click

from svhn_lab.errors import UserError
from svhn_lab.params import Params, load
from svhn_lab.stages import finetune, pretrain, timing, train
from svhn_lab.stages.evaluate import figures_by_key
from svhn_lab.stages.layout import EVALUATION
from svhn_lab.stages.mirroring import mirror
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity


def identities(params: Params) -> list[Identity]:
    """Every run that params.yaml names."""
    return [
        *(run for arm in params.arms for run in train.identities(params, arm)),
        *pretrain.identities(params),
        *(run for depth in params.transfer.depths for run in finetune.identities(params, depth)),
        timing.identity(params),
    ]


def main() -> None:
    """Mirrors the records on disk, with their test figures if they have been tested."""
    params = load()
    runs = [identity for identity in identities(params) if record.exists(identity)]
    figures = {}
    if EVALUATION.exists():
        figures = figures_by_key(json.loads(EVALUATION.read_text(encoding="utf-8")))
    if not mirror(runs, figures):
        raise UserError("sync: MLflow was not brought up to date")
    click.echo(f"sync: {len(runs)} runs on disk, all in MLflow")
