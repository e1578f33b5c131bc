"""`evaluate`: the only stage that opens the test digits. Every finished network is tested once, on
its last epoch's weights; nothing is chosen here. What the arms got is compared pair by pair, and
the lab report's claims are judged."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from svhn_lab.data.batches import Digits, Labels
from svhn_lab.errors import UserError
from svhn_lab.evidence.claims import judge
from svhn_lab.evidence.cost import flops_per_image
from svhn_lab.evidence.metrics import calibration_error, confusion, per_class_accuracy
from svhn_lab.evidence.statistics import (
    holm,
    mcnemar_test,
    mean_interval,
    paired_difference,
    wilson_interval,
)
from svhn_lab.nets import zoo
from svhn_lab.params import SCRATCH, Params, Recipe, load
from svhn_lab.stages import finetune, train
from svhn_lab.stages.layout import EVALUATION
from svhn_lab.stages.mirroring import mirror
from svhn_lab.stages.prepared import Manifest, load_digits, load_manifest, load_subset
from svhn_lab.stages.runs import load_model
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fan_out import fan_out
from svhn_lab.training.fit import predict

Probabilities = NDArray[np.float32]  # (test digits, classes)

# What an arm's entry says of its reference; p_mcnemar has a value for each seed's two networks.
COMPARISON = (
    "reference",
    "difference",
    "difference_interval",
    "p_t",
    "p_sign_flip",
    "p_holm",
    "p_mcnemar",
)


@dataclass(frozen=True)
class Group:
    """Runs that are summed up together: the seeds of an arm, or the draws at a freeze depth."""

    name: str
    identities: list[Identity]
    net: str
    recipe: Recipe
    classes: tuple[int, ...] | None = None  # of the test digits; None for all


def arm_groups(params: Params) -> dict[str, Group]:
    """By arm, its runs."""
    return {
        name: Group(f"train/{name}", train.identities(params, name), arm.net, arm)
        for name, arm in params.arms.items()
    }


def depth_groups(params: Params) -> dict[str, Group]:
    """By freeze depth, `scratch` among them, its runs."""
    transfer = params.transfer
    return {
        str(depth): Group(
            f"finetune/{depth}",
            finetune.identities(params, depth),
            transfer.net,
            transfer.finetune,
            transfer.finetune_classes,
        )
        for depth in transfer.depths
    }


def test_digits(group: Group) -> Digits:
    """The test digits that the group's networks tell apart."""
    if group.classes is None:
        return load_digits("test")
    return load_subset("test", "finetune", group.classes)


def refuse_failed(identity: Identity) -> None:
    """Raises UserError if the run failed, or is not there."""
    if failure := record.read(identity).failure:
        raise UserError(
            f"{identity.name}: {failure}; mend its recipe in params.yaml, "
            f"then `dvc repro {identity.dvc_stage}`"
        )


def answer(task: tuple[Identity, Group]) -> Probabilities:
    """What the run's network says of every test digit, computed as it was trained."""
    identity, group = task
    manifest = load_manifest()
    num_classes = manifest.num_classes if group.classes is None else len(group.classes)
    net = load_model(identity, group.net, num_classes=num_classes, image_size=manifest.image_size)
    logits = predict(net, test_digits(group), manifest.statistics, precision=group.recipe.precision)
    probabilities: Probabilities = torch.softmax(logits, 1).numpy()
    return probabilities


def summary(
    group: Group, answers: list[Probabilities], labels: Labels, image_size: int
) -> dict[str, Any]:
    """The group's entry in evaluation.json. Accuracies and differences are fractions."""
    records = [record.read(identity) for identity in group.identities]
    counts = records[0].num_parameters
    draws = [identity.draw for identity in group.identities if identity.draw is not None]
    accuracies = [float((answer.argmax(1) == labels).mean()) for answer in answers]
    interval = mean_interval(accuracies)
    num_classes = answers[0].shape[1]
    counted = np.sum([confusion(a.argmax(1), labels, num_classes) for a in answers], axis=0)
    net = zoo.build(group.net, num_classes=num_classes, seed=0, image_size=image_size)
    return {
        "parameters": counts["total"],
        "trainable_parameters": counts["trainable"],
        "flops_per_image": flops_per_image(net, image_size),
        "seconds_per_epoch": seconds_per_epoch(group),
        "seeds": [identity.seed for identity in group.identities],
        **({"draws": draws} if draws else {}),
        "keys": [run.key for run in records],
        "validation_accuracy": [run.metrics["validation_accuracy"] for run in records],
        "test_accuracy": accuracies,
        # Of each network for itself: how far its accuracy may be off on other test digits.
        "test_interval": [
            list(wilson_interval(round(a * len(labels)), len(labels))) for a in accuracies
        ],
        "test_digits": len(labels),
        "mean": float(np.mean(accuracies)),
        # A fraction is no less than 0 and no more than 1, though a t interval may be.
        "interval": None if interval is None else np.clip(interval, 0, 1).tolist(),
        "confusion": counted.tolist(),  # summed over the runs: rows are true classes
        "per_class_accuracy": per_class_accuracy(counted.tolist()),
        "calibration_error": float(np.mean([calibration_error(a, labels) for a in answers])),
    }


def seconds_per_epoch(group: Group) -> float:
    """The median of all epochs of the group's runs, as measured when they ran, beside whatever else
    the machine did. It has a clock in it, so no dep of this stage holds it; it is as old as the
    results that it stands beside."""
    runs = [record.read_provenance(identity) for identity in group.identities]
    return float(np.median([seconds for run in runs for seconds in run.seconds_per_epoch]))


def comparisons(
    references: Mapping[str, str],
    entries: Mapping[str, Mapping[str, Any]],
    answers: Mapping[str, list[Probabilities]],
    labels: Labels,
) -> dict[str, dict[str, Any]]:
    """By arm, its paired difference to its reference, or None throughout; the p values of the t
    tests are corrected over all arms that have a reference."""
    found: dict[str, dict[str, Any]] = {arm: dict.fromkeys(COMPARISON) for arm in entries}
    for arm, reference in references.items():
        difference = paired_difference(
            entries[arm]["test_accuracy"], entries[reference]["test_accuracy"]
        )
        pairs = zip(answers[arm], answers[reference], strict=True)
        found[arm] |= {
            "reference": reference,
            "difference": difference.mean,
            "difference_interval": difference.interval and list(difference.interval),
            "p_t": difference.p_t,
            "p_sign_flip": difference.p_sign_flip,
            "p_mcnemar": [
                mcnemar_test(one.argmax(1) == labels, other.argmax(1) == labels)
                for one, other in pairs
            ],
        }
    tested = [entry for entry in found.values() if entry["p_t"] is not None]
    for entry, p_holm in zip(tested, holm([entry["p_t"] for entry in tested]), strict=True):
        entry["p_holm"] = p_holm
    return found


def claims(params: Params, entries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By claim of the lab report, what it says (in percentage points) and the verdict."""
    stated = params.lab_report.claims
    verdicts = judge(stated, {arm: entry["test_accuracy"] for arm, entry in entries.items()})
    return {name: claim.model_dump() | asdict(verdicts[name]) for name, claim in stated.items()}


def say(group: Group, entry: Mapping[str, Any]) -> None:
    """Prints the group's accuracy."""
    interval, runs = entry["interval"], len(entry["test_accuracy"])
    band = f", 95 % t interval {interval[0]:.2%} to {interval[1]:.2%}" if interval else ""
    click.echo(f"{group.name}: test accuracy {entry['mean']:.2%} (n = {runs}{band})")


def evaluate(
    groups: Mapping[str, Group], manifest: Manifest
) -> tuple[dict[str, dict[str, Any]], dict[str, list[Probabilities]]]:
    """By name, every group's entry and its networks' answers. Raises UserError if a run failed."""
    tasks = [(run, group) for group in groups.values() for run in group.identities]
    for run, _ in tasks:
        refuse_failed(run)
    tested = iter(fan_out(answer, tasks))
    answers = {name: [next(tested) for _ in g.identities] for name, g in groups.items()}
    entries = {}
    for name, group in groups.items():
        labels = test_digits(group).labels.numpy()
        entries[name] = summary(group, answers[name], labels, manifest.image_size)
        say(group, entries[name])
    return entries, answers


def figures_by_key(evaluation: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By content key, what the mirror image of a tested run shows: accuracy and its Wilson
    interval. A run that was made anew since the evaluation has another key, and none of these."""
    transfer = evaluation["transfer"]
    entries = [*evaluation["arms"].values(), *transfer["pretrained"].values()]
    entries += [transfer["scratch"]] if transfer["scratch"] else []
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
    return figures


def main() -> None:
    """Writes results/evaluation.json and mirrors the test figures to MLflow."""
    params = load()
    manifest = load_manifest()
    groups = arm_groups(params)
    arms, answers = evaluate(groups, manifest)
    labels = load_digits("test").labels.numpy()
    compared = comparisons(params.references, arms, answers, labels)
    for name, entry in arms.items():
        entry |= compared[name]
        lab_accuracy = params.lab_report.accuracy.get(name)
        entry["lab_accuracy"] = None if lab_accuracy is None else lab_accuracy / 100
    judged = claims(params, arms)
    for claim in judged.values():
        click.echo(f"{claim['verdict']}: {claim['says']}")
    depths = depth_groups(params)
    pretrained, _ = evaluate(depths, manifest)
    scratch = pretrained.pop(SCRATCH, None)
    evaluation = {
        "dataset": manifest.dataset()
        | {"official": manifest.official, "classes": manifest.classes},
        "arms": arms,
        "claims": judged,
        "transfer": {"pretrained": pretrained, "scratch": scratch},
    }
    write_json(EVALUATION, evaluation)
    runs = [run for group in (*groups.values(), *depths.values()) for run in group.identities]
    mirror(runs, figures_by_key(evaluation))
