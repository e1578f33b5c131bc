"""`report --markdown`: the results as docs/results.md (the arms), docs/freeze-depth.md (the
transfer study) and docs/small-networks.md (the contests), each with digits, commit and machine. A
tool, no stage of the graph: for results that one wants to keep in Git."""

from collections.abc import Iterable

import click

from svhn_lab.params import load
from svhn_lab.report import page, plots
from svhn_lab.stages import competitors, pretrain, study, train
from svhn_lab.stages.layout import (
    CONTESTS,
    CONTESTS_DOC,
    EVALUATION,
    RESULTS_DOC,
    STUDY_DOC,
    TIMING,
    TRANSFER,
    read_json,
)
from svhn_lab.stages.origin import origin, processor
from svhn_lab.stages.searched import searched
from svhn_lab.stages.shown import (
    contest_arms,
    published,
    refuse_outdated,
    study_figures,
    study_tables,
    tables,
    told_apart,
)
from svhn_lab.tracking.files import write_bytes, write_text
from svhn_lab.tracking.record import Identity


def flat(runs: Iterable[list[Identity]]) -> list[Identity]:
    """All of them."""
    return [run for some in runs for run in some]


def main(part: str) -> None:
    """Writes docs/results.md (`part` is arms), docs/freeze-depth.md (transfer) or both (all), or
    docs/small-networks.md (contests). Raises UserError if an evaluation is out of date."""
    params = load()
    more = {"extra": params.data.extra, "processor": processor()}
    if part in ("arms", "all"):
        evaluation = read_json(EVALUATION, "evaluate")
        runs = {arm: train.identities(params, arm) for arm in params.arms}
        refuse_outdated(EVALUATION, evaluation["arms"], runs)
        said = tables(params, evaluation) | more | origin(flat(runs.values()))
        write_text(RESULTS_DOC, page.render_markdown("arms.md", said))
        click.echo(f"The arms: {RESULTS_DOC}")
    if part in ("transfer", "all"):
        transfer, timing = read_json(TRANSFER, "evaluate"), read_json(TIMING, "timing")
        tuned = {name: group.identities for name, group in study.groups(params).items()}
        refuse_outdated(TRANSFER, transfer["points"] | transfer["diversity"], tuned)
        pretrained = pretrain.identities(params)
        said = study_tables(transfer, timing, transfer["dataset"]["classes"])
        said |= {"dataset": transfer["dataset"], "transfer": params.transfer, "seeds": params.seeds}
        said |= more | origin([*pretrained, *flat(tuned.values())])
        write_text(STUDY_DOC, page.render_markdown("study.md", said))
        for name, figure in study_figures(transfer, timing).items():
            write_bytes(STUDY_DOC.parent / "images" / f"{name}.png", plots.png(figure))
        click.echo(f"The transfer study: {STUDY_DOC}")
    if part == "contests":
        found = read_json(CONTESTS, "contests/dvc.yaml:contests")
        runs = {arm: competitors.identities(params, arm) for arm in params.contests.competing}
        refuse_outdated(CONTESTS, found["arms"], runs, remedy="make contests")
        arms = contest_arms(params, found["arms"])
        said = {"dataset": found["dataset"], "arms": arms, "seeds": params.contests.seeds}
        said |= {"search": searched(params, found["dataset"]), "told_apart": told_apart(arms)}
        said |= {"published": published(found["dataset"])}
        said |= {"training": params.training, "max_parameters": params.gate.max_parameters}
        said |= more | origin(flat(runs.values()))
        write_text(CONTESTS_DOC, page.render_markdown("contests.md", said))
        click.echo(f"The contests: {CONTESTS_DOC}")
