"""`sync` (no stage of the graph): makes MLflow hold every run that lies on disk, whatever became of
the store: runs that DVC restored without running, a server that was down, a lost database."""

import json

import click

from svhn_lab.errors import UserError
from svhn_lab.params import Params, load
from svhn_lab.stages import diversity, finetune, pretrain, timing, train
from svhn_lab.stages.evaluate import figures_by_key, tested
from svhn_lab.stages.layout import EVALUATION, TIMING, TRANSFER
from svhn_lab.stages.mirroring import mirror
from svhn_lab.stages.study_mirror import mirror_study
from svhn_lab.stages.sweeps import points
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity


def identities(params: Params) -> list[Identity]:
    """Every run that params.yaml names; those that stand for several come behind them."""
    transfer = params.transfer
    places = [point for name in transfer.sweeps for point in points(transfer, name)]
    return [
        *(run for arm in params.arms for run in train.identities(params, arm)),
        *pretrain.identities(params),
        *(run for point in places for run in finetune.identities(params, point)),
        *(finetune.whole(point) for point in places),
        *(run for less in transfer.diversity.less for run in diversity.identities(params, less)),
        timing.identity(params),
    ]


def main() -> None:
    """Mirrors the records on disk, with their test figures if they have been tested, and the
    study's times and plots."""
    params = load()
    runs = [identity for identity in identities(params) if record.exists(identity)]
    figures = {}
    if EVALUATION.exists() and TRANSFER.exists():
        evaluation, transfer = (
            json.loads(path.read_text(encoding="utf-8")) for path in (EVALUATION, TRANSFER)
        )
        figures = figures_by_key(tested(evaluation, transfer))
    done = mirror(runs, figures)
    if done and figures and TIMING.exists():
        done = mirror_study(transfer, json.loads(TIMING.read_text(encoding="utf-8")))
    if not done:
        raise UserError("sync: MLflow was not brought up to date")
    click.echo(f"sync: {len(runs)} runs on disk, all in MLflow")
