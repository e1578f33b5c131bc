"""`register`: puts the best small network into MLflow's model registry, as champion if the gate
lets it pass. Arm and seed are chosen on validation digits; the gate looks at the test digits."""

from dataclasses import asdict, replace
from typing import Any

import click
from mlflow.exceptions import MlflowException

from svhn_lab.errors import UserError
from svhn_lab.evidence import gate
from svhn_lab.evidence.selection import best_run, best_small_arm
from svhn_lab.nets.classifier import Classifier
from svhn_lab.nets.zoo import architecture
from svhn_lab.params import Params, load
from svhn_lab.recipes import Arm, Recipe
from svhn_lab.report.formats import changes
from svhn_lab.report.page import render_markdown
from svhn_lab.stages import competitors
from svhn_lab.stages.answers import right_answers
from svhn_lab.stages.competed import competed
from svhn_lab.stages.layout import (
    CONTESTS,
    EVALUATION,
    MODEL_CARD,
    REGISTRATION,
    read_json,
    refuse_other_digits,
)
from svhn_lab.stages.prepared import load_manifest
from svhn_lab.stages.runs import load_model
from svhn_lab.tracking import record, registry
from svhn_lab.tracking.files import write_json, write_text
from svhn_lab.tracking.mirror import Mirror
from svhn_lab.tracking.record import Identity, Record
from svhn_lab.tracking.roles import KEY
from svhn_lab.tracking.store import UNUSABLE, cannot_be_used, locked

AGAINST = "gate_champion"  # the tag of a version that says how it compared


def compared(candidate: gate.Candidate, model: str, key: str, level: float) -> gate.Check:
    """The check against the champion. One that is the champion itself keeps what was said when it
    became that."""
    version = registry.holder(model, registry.CHAMPION)
    if version is None:
        return gate.first()
    if version.tags.get(KEY) == key and AGAINST in version.tags:
        return gate.Check(gate.COMPARISON, True, version.tags[AGAINST])
    number = int(version.version)
    try:
        right = registry.right_answers(version)
        champion = gate.Champion(number, right, version.tags["test_digest"])
    except (MlflowException, OSError, KeyError):
        return gate.not_comparable(number)
    return gate.no_worse(candidate, champion, level)


def candidates(params: Params, evaluation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Entries of the lab's arms as `train/ARM`, and of those who have competed as `compete/ARM` or
    `distil/ARM` or `adapt/ARM`."""
    of_lab = {f"train/{arm}": entry for arm, entry in evaluation["arms"].items()}
    contests = competed(params, evaluation["dataset"])
    return of_lab | {
        f"{competitors.stage(params, arm)}/{arm}": entry for arm, entry in contests.items()
    }


def judged(
    params: Params, dataset: dict[str, Any], name: str, entry: dict[str, Any]
) -> dict[str, Any]:
    """What registration.json says of the candidate's network that is best on validation digits:
    what it is, under which alias it goes, and why."""
    best = best_run(entry)
    stage, _, arm = name.partition("/")
    identity = Identity(stage, arm, entry["seeds"][best])
    run, circumstances = record.read(identity), record.read_provenance(identity)
    if run.key != entry["keys"][best]:
        file, remedy = (
            (CONTESTS, "make contests")
            if stage in record.COMPETING
            else (EVALUATION, "dvc repro evaluate")
        )
        raise UserError(f"{file}: is of another run of {identity.name}; `{remedy}`")
    model = registry.model_name(dataset["name"], dataset["official"])
    low, high = entry["test_interval"][best]
    candidate = gate.Candidate(
        parameters=entry["parameters"],
        test_accuracy=entry["test_accuracy"][best],
        test_interval=(low, high),
        calibration_error=entry["scaled_calibration_errors"][best],
        right=right_answers(run.key),
        test_digest=dataset["test_digest"],
    )
    against = compared(candidate, model, run.key, params.gate.level)
    checks = [*gate.checks(candidate, params.gate), against]
    failed = [check.says for check in checks if not check.passed]
    passed = gate.passed(checks)
    return {
        "model": model,
        "alias": registry.CHAMPION if passed else registry.CHALLENGER,
        "key": run.key,
        "stage": stage,
        "arm": arm,
        "seed": identity.seed,
        "unscaled_calibration_error": entry["calibration_errors"][best],
        "checks": [asdict(check) for check in checks],
        "tags": {
            "run": identity.name,
            "dataset": dataset["name"],
            "dataset_digest": dataset["digest"],
            "test_digest": dataset["test_digest"],
            "commit": circumstances.commit or "none",
            "commit_dirty": str(circumstances.dirty).lower(),
            "parameters": candidate.parameters,
            "validation_accuracy": entry["validation_accuracy"][best],
            "test_accuracy": candidate.test_accuracy,
            "test_accuracy_low": low,
            "test_accuracy_high": high,
            "calibration_error": candidate.calibration_error,
            registry.TEMPERATURE: entry["temperatures"][best],
            "tested_in": entry["tested_in"],  # it serves in float32
            "gate": "passed" if passed else "failed",
            "gate_why": "; ".join(failed or [check.says for check in checks]),
            AGAINST: against.says,
        },
    }


def identity_of(registration: dict[str, Any]) -> Identity:
    """The run that was registered."""
    return Identity(registration["stage"], registration["arm"], registration["seed"])


def arm_of(run: Record) -> Arm:
    """The recipe that a run was trained by."""
    return Arm(**{name: run.params[name] for name in Arm.model_fields})


def card(registration: dict[str, Any], training: Recipe) -> str:
    """The model card: Markdown; `training` is the usual recipe."""
    identity = identity_of(registration)
    run = record.read(identity)
    manifest = load_manifest()
    pretrained = run.params.get("pretrained")
    before = pretrained and record.read(replace(identity, stage=record.COMPETE, arm=pretrained))
    return render_markdown(
        "model_card.md",
        {
            "of": registration,
            "recipe": run.params,
            "num_views": architecture(run.params["net"]).num_views,
            "changes": changes(arm_of(run), training),
            "before": before and before.params | {"changes": changes(arm_of(before), training)},
            "digits": manifest,
            **registration["tags"],
        },
    )


def put(registration: dict[str, Any]) -> int:
    """The number of the version in the registry, made if it is not there. Raises UserError if the
    network, or its answers, are not on disk any more."""
    identity = identity_of(registration)
    run, manifest = record.read(identity), load_manifest()
    if registry.TEMPERATURE not in registration["tags"]:
        raise UserError(f"{REGISTRATION}: an older version of the lab wrote it; `dvc repro`")
    if run.key != registration["key"]:
        raise UserError(f"{REGISTRATION}: is of another {identity.name}; `dvc repro register`")
    net = load_model(identity, run.params["net"], **manifest.network_size)
    return registry.put(
        Classifier(net, manifest.statistics, registration["tags"][registry.TEMPERATURE]),
        registry.Entry(
            model=registration["model"],
            key=run.key,
            alias=registration["alias"],
            tags=registration["tags"],
            card=MODEL_CARD.read_text(encoding="utf-8"),
            right=right_answers(run.key),
            image_size=manifest.image_size,
            classes=manifest.classes,
        ),
        run_id=Mirror().add(run, record.read_provenance(identity)),
    )


def main() -> None:
    """Registers, and writes results/registration.json and results/model-card.md."""
    params = load()
    evaluation = read_json(EVALUATION, "evaluate")
    refuse_other_digits(EVALUATION, evaluation["dataset"])
    found = candidates(params, evaluation)
    best = best_small_arm(found, params.gate.max_parameters)
    if best is None:
        reason = f"no arm has at most {params.gate.max_parameters:,} parameters"
        write_json(REGISTRATION, {"model": None, "reason": reason})
        write_text(MODEL_CARD, f"Nothing is registered: {reason}.\n")
        click.echo(f"register: nothing registered: {reason}")
        return
    try:
        with locked():  # the champion that it is compared with is the one whose place it takes
            registration = judged(params, evaluation["dataset"], best, found[best])
            write_text(MODEL_CARD, card(registration, params.training))
            version = put(registration)
    except UNUSABLE as failure:
        raise cannot_be_used(failure, then="`dvc repro register`") from None
    write_json(REGISTRATION, registration)
    for check in registration["checks"]:
        click.echo(f"gate: {'passed' if check['passed'] else 'FAILED'}: {check['says']}")
    name = f"models:/{registration['model']}@{registration['alias']}"
    click.echo(f"register: {registration['tags']['run']} is {name} (version {version})")
