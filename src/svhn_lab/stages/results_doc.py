"""`report --markdown`: the results as docs/results.md (the arms), docs/freeze-depth.md (the
transfer study) and docs/small-networks.md (the contests), each with digits, commit and machine. A
tool, no stage of the graph: for results that one wants to keep in Git."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from svhn_lab.errors import UserError
from svhn_lab.params import Params, load
from svhn_lab.report import page, plots
from svhn_lab.stages import competitors, pretrain, study, train
from svhn_lab.stages.competed import competed
from svhn_lab.stages.layout import (
    CONTESTS,
    CONTESTS_DOC,
    CONTESTS_STAGE,
    EVALUATION,
    PUBLISHED,
    RESULTS_DOC,
    STUDY_DOC,
    TIMING,
    TRANSFER,
    read_json,
)
from svhn_lab.stages.origin import origin
from svhn_lab.stages.searched import searched
from svhn_lab.stages.shown import (
    best_small,
    contest_arms,
    outdated,
    refuse_outdated,
    study_figures,
    study_tables,
    tables,
    told_apart,
)
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_bytes, write_text
from svhn_lab.tracking.record import Identity


def flat(runs: Iterable[list[Identity]]) -> list[Identity]:
    """All of them."""
    return [run for some in runs for run in some]


def published(dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Networks as others publish them, weights and all, if they were tested on these digits. Says
    if it leaves them out."""
    found = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    if found["dataset"]["test_digest"] != dataset["test_digest"]:
        click.echo(
            f"{PUBLISHED}: left out, as it is of other digits; `python -m benchmarks.latency` "
            "tests on these"
        )
        return []
    networks: list[dict[str, Any]] = found["networks"]
    return networks


def write_arms(params: Params) -> None:
    """docs/results.md. Raises UserError if the evaluation is out of date."""
    evaluation = read_json(EVALUATION, "evaluate")
    runs = {arm: train.identities(params, arm) for arm in params.arms}
    made = {arm: (runs[arm], recipe.model_dump()) for arm, recipe in params.arms.items()}
    refuse_outdated(EVALUATION, evaluation["arms"], made)
    said = tables(params, evaluation) | {"extra": params.data.extra}
    said |= origin(flat(runs.values()))
    write_text(RESULTS_DOC, page.render_markdown("arms.md", said))
    click.echo(f"The arms: {RESULTS_DOC}")


def write_transfer(params: Params) -> None:
    """docs/freeze-depth.md and its plots. Raises UserError if the evaluation is out of date."""
    transfer, timing = read_json(TRANSFER, "evaluate"), read_json(TIMING, "timing")
    groups = study.groups(params)
    made = {name: (group.identities, study.made_by(group)) for name, group in groups.items()}
    refuse_outdated(TRANSFER, transfer["points"] | transfer["diversity"], made)
    pretrained = pretrain.identities(params)
    settings = pretrain.settings(params.transfer) | params.transfer.pretrain.model_dump()
    if not all(record.read(run).was_made_by(settings) for run in pretrained):
        raise outdated(TRANSFER, "dvc repro")
    said = study_tables(transfer, timing, transfer["dataset"]["classes"])
    said |= {"dataset": transfer["dataset"], "transfer": params.transfer, "seeds": params.seeds}
    said |= {"extra": params.data.extra}
    said |= origin([*pretrained, *flat(group.identities for group in groups.values())])
    write_text(STUDY_DOC, page.render_markdown("study.md", said))
    for name, figure in study_figures(transfer, timing).items():
        write_bytes(STUDY_DOC.parent / "images" / f"{name}.png", plots.png(figure))
    click.echo(f"The transfer study: {STUDY_DOC}")


def write_contests(params: Params) -> None:
    """docs/small-networks.md. Raises UserError if the contests are out of date."""
    found = read_json(CONTESTS, CONTESTS_STAGE)
    contests, dataset = params.contests, found["dataset"]
    runs = {arm: competitors.identities(params, arm) for arm in contests.competing}
    same = list(found["arms"]) == list(runs) and all(
        entry["seeds"] == list(contests.seeds) for entry in found["arms"].values()
    )
    if not same or list(competed(params, dataset)) != list(runs):
        raise outdated(CONTESTS, "make contests")
    arms = contest_arms(params, found["arms"])
    said = {
        "dataset": dataset,
        "extra": params.data.extra,
        "arms": arms,
        "winner": best_small(arms, params.gate.max_parameters),
        "seeds": contests.seeds,
        "search": searched(params, dataset),
        "told_apart": told_apart(arms),
        "published": published(dataset),
        "training": params.training,
        "max_parameters": params.gate.max_parameters,
    }
    said |= origin(flat(runs.values()))
    write_text(CONTESTS_DOC, page.render_markdown("contests.md", said))
    click.echo(f"The contests: {CONTESTS_DOC}")


def main(part: str) -> None:
    """Writes docs/results.md (`part` is arms), docs/freeze-depth.md (transfer), or
    docs/small-networks.md (contests); or all of them, the last if there are contests of now. Raises
    UserError if an evaluation is out of date."""
    params = load()
    if part in ("arms", "all"):
        write_arms(params)
    if part in ("transfer", "all"):
        write_transfer(params)
    if part == "contests":
        write_contests(params)
    elif part == "all" and CONTESTS.exists():
        try:
            write_contests(params)
        except UserError as failure:
            click.echo(f"{CONTESTS_DOC}: left as it is: {failure}")
