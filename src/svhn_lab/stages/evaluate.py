"""`evaluate`: the only stage that opens the test digits. Every finished network is tested once, on
its last epoch's weights; nothing is chosen by them. What the arms got is compared pair by pair, and
the lab report's claims and explanations are judged."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import click

from svhn_lab.evidence.claims import judge
from svhn_lab.params import Params, load
from svhn_lab.stages import pretrain, study, train
from svhn_lab.stages.finetune import whole
from svhn_lab.stages.groups import Group, comparisons, evaluated
from svhn_lab.stages.layout import EVALUATION, PROBE, TRANSFER, read_json
from svhn_lab.stages.mirroring import mirror
from svhn_lab.stages.prepared import Manifest, load_manifest
from svhn_lab.stages.sweeps import points
from svhn_lab.tracking.files import write_json


def arm_groups(params: Params) -> dict[str, Group]:
    """By arm, its runs."""
    return {
        name: Group(f"train/{name}", train.identities(params, name), arm.net, arm)
        for name, arm in params.arms.items()
    }


def claims(params: Params, entries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By claim of the lab report, what it says (in percentage points) and the verdict."""
    stated = params.lab_report.claims
    verdicts = judge(stated, {arm: entry["test_accuracy"] for arm, entry in entries.items()})
    return {name: claim.model_dump() | asdict(verdicts[name]) for name, claim in stated.items()}


def arms(params: Params, groups: Mapping[str, Group], manifest: Manifest) -> dict[str, Any]:
    """What evaluation.json says of the arms and of the claims about them."""
    found = evaluated(groups, manifest)
    entries = {name: entry for name, (entry, _) in found.items()}
    right = {name: hits for name, (_, hits) in found.items()}
    compared = comparisons(params.references, entries, right)
    for name, entry in entries.items():
        entry |= compared[name]
        lab_accuracy = params.lab_report.accuracy.get(name)
        entry["lab_accuracy"] = None if lab_accuracy is None else lab_accuracy / 100
    judged = claims(params, entries)
    for claim in judged.values():
        click.echo(f"{claim['verdict']}: {claim['says']}")
    return {"arms": entries, "claims": judged}


def transfer(params: Params, groups: Mapping[str, Group], manifest: Manifest) -> dict[str, Any]:
    """What transfer.json says of the freeze-depth study. Every point is compared with the chosen
    one, draw by draw."""
    settings, probe = params.transfer, read_json(PROBE, "probe")
    found = evaluated(groups, manifest)
    entries = {name: entry for name, (entry, _) in found.items()}
    best = study.best(settings, entries)
    compared = comparisons(
        {name: best["point"] for name in entries if name != best["point"]},
        entries,
        {name: hits for name, (_, hits) in found.items()},
    )
    for name, entry in entries.items():
        entry |= compared[name]
    explained = study.explanations(params, entries, probe)
    click.echo(f"best freeze depth, chosen on validation: {best['depth']}")
    for explanation in explained.values():
        click.echo(f"{explanation['verdict']}: {explanation['says']}")
    return {
        "net": settings.net,
        "pretrain_classes": list(settings.pretrain_classes),
        "finetune_classes": list(settings.finetune_classes),
        "sample_sizes": list(settings.sample_sizes),
        "draws": settings.draws,
        "pretrained_networks": len(pretrain.identities(params)),
        "own_points": list(study.main_points(settings).values()),
        "best": best,
        "points": {
            study.name(point): study.described(params, point, entries[study.name(point)])
            for sweep in settings.sweeps
            for point in points(settings, sweep)
        },
        "diversity": {
            name: entry for name, entry in entries.items() if name.startswith("diversity/")
        },
        "explanations": explained,
        "probe": probe,
    }


def figures_by_key(
    entries: Iterable[Mapping[str, Any]],
) -> dict[str, dict[str, float]]:
    """By content key, what the mirror image of a tested run shows: accuracy and its Wilson
    interval; of a run that stands for several, their mean and its t interval. A run that was made
    anew since the evaluation has another key, and none of these."""
    figures = {}
    for entry in entries:
        for key, accuracy, (low, high) in zip(
            entry["keys"], entry["test_accuracy"], entry["test_interval"], strict=True
        ):
            figures[key] = {
                "test_accuracy": accuracy,
                "test_accuracy_low": low,
                "test_accuracy_high": high,
            }
        if "whole_key" in entry:
            mean = {"test_accuracy_mean": entry["mean"]}
            if entry["interval"]:
                low, high = entry["interval"]
                mean |= {"test_accuracy_mean_low": low, "test_accuracy_mean_high": high}
            figures[entry["whole_key"]] = mean
    return figures


def tested(evaluation: Mapping[str, Any], transfer: Mapping[str, Any]) -> list[Any]:
    """Every entry of evaluation.json and transfer.json."""
    groups = (evaluation["arms"], transfer["points"], transfer["diversity"])
    return [entry for group in groups for entry in group.values()]


def main() -> None:
    """Writes results/evaluation.json and results/transfer.json, and mirrors the test figures to
    MLflow."""
    params = load()
    manifest = load_manifest()
    dataset = manifest.dataset() | {"official": manifest.official, "classes": manifest.classes}
    arm_runs, study_runs = arm_groups(params), study.groups(params)
    evaluation = {"dataset": dataset, **arms(params, arm_runs, manifest)}
    transferred = {"dataset": dataset, **transfer(params, study_runs, manifest)}
    write_json(EVALUATION, evaluation)
    write_json(TRANSFER, transferred)
    groups = (*arm_runs.values(), *study_runs.values())
    runs = [run for group in groups for run in group.identities]
    runs += [
        whole(point) for name in params.transfer.sweeps for point in points(params.transfer, name)
    ]
    mirror(runs, figures_by_key(tested(evaluation, transferred)))
