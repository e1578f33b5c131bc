"""`evaluate`: the only stage that opens the test digits, but for `contests`. Every finished network
is tested once, on its last epoch's weights; no arm, seed or depth is chosen by them. What the arms
got is compared pair by pair, and the lab report's claims and explanations are judged."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from svhn_lab.evidence.claims import judge
from svhn_lab.params import Params, load
from svhn_lab.stages import pretrain, study, train
from svhn_lab.stages.answers import save_answers
from svhn_lab.stages.groups import Group, Tested, comparisons, evaluated
from svhn_lab.stages.layout import ANSWERS, EVALUATION, MISTAKES, PROBE, TRANSFER, read_json
from svhn_lab.stages.mirroring import mirror_all
from svhn_lab.stages.prepared import Manifest, load_digits, load_manifest, tested_dataset
from svhn_lab.stages.saved_mistakes import save_mistakes
from svhn_lab.stages.sweeps import points
from svhn_lab.tracking import record
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


def arms(params: Params, tested: Mapping[str, Tested]) -> dict[str, Any]:
    """What evaluation.json says of the arms and of the claims about them."""
    entries = {name: found.entry for name, found in tested.items()}
    right = {name: found.right for name, found in tested.items()}
    compared = comparisons(params.references, entries, right)
    for name, entry in entries.items():
        entry |= compared[name]
        lab_accuracy = params.lab_report.accuracy.get(name)
        entry["lab_accuracy"] = None if lab_accuracy is None else lab_accuracy / 100
        entry["whole_key"] = record.read(train.whole(name)).key
    judged = claims(params, entries)
    for claim in judged.values():
        click.echo(f"{claim['verdict']}: {claim['says']}")
    return {"arms": entries, "claims": judged}


def transfer(params: Params, groups: Mapping[str, Group], manifest: Manifest) -> dict[str, Any]:
    """What transfer.json says of the freeze-depth study. Every point is compared with the chosen
    one, draw by draw."""
    settings, probe = params.transfer, read_json(PROBE, "probe")
    found = evaluated(groups, manifest)
    entries = {name: tested.entry for name, tested in found.items()}
    best = study.best(settings, entries)
    compared = comparisons(
        {name: best["point"] for name in entries if name != best["point"]},
        entries,
        {name: tested.right for name, tested in found.items()},
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
        "diversity": study.less_pretrained(settings, entries),
        "explanations": explained,
        "probe": probe,
    }


def main() -> None:
    """Writes results/evaluation.json, results/transfer.json, results/answers.npz and
    results/mistakes.npz, and brings MLflow up to date, with the test figures."""
    params = load()
    manifest = load_manifest()
    dataset = tested_dataset(manifest)
    tested = evaluated(arm_groups(params), manifest)
    evaluation = {"dataset": dataset, **arms(params, tested)}
    transferred = {"dataset": dataset, **transfer(params, study.groups(params), manifest)}
    digits = load_digits("test")
    save_answers(ANSWERS, digits.labels.numpy(), (found.classes for found in tested.values()))
    mistakes = {name: found.mistakes for name, found in tested.items()}
    save_mistakes(MISTAKES, mistakes, digits.images.numpy(), digits.labels.numpy())
    write_json(EVALUATION, evaluation)
    write_json(TRANSFER, transferred)
    mirror_all()
