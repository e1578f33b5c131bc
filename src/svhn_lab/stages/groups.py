"""Runs that are tested and summed up together: what their networks say of the test digits, their
figures, and their paired differences. `evaluate` and `contests` alone use this."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from svhn_lab.data.batches import Digits, Labels
from svhn_lab.errors import UserError
from svhn_lab.evidence.calibration import calibration_error, fitted_temperature, reliability
from svhn_lab.evidence.cost import flops_per_image
from svhn_lab.evidence.metrics import confusion, per_class_accuracy
from svhn_lab.evidence.mistakes import (
    Mistakes,
    ensemble_accuracy,
    most_confident,
    never_right,
)
from svhn_lab.evidence.selection import best_run
from svhn_lab.evidence.statistics import (
    holm,
    mcnemar_test,
    mean_interval,
    paired_difference,
    wilson_interval,
)
from svhn_lab.nets import zoo
from svhn_lab.nets.network import parameter_counts
from svhn_lab.recipes import Recipe
from svhn_lab.report.formats import mean_percent, percent, percent_interval
from svhn_lab.report.tables import table
from svhn_lab.stages.finetune import sample
from svhn_lab.stages.prepared import Manifest, load_digits, load_manifest, load_subset
from svhn_lab.stages.runs import load_model
from svhn_lab.stages.sweeps import Point
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity
from svhn_lab.training.fan_out import fan_out
from svhn_lab.training.fit import accuracy, computed_in, predict
from svhn_lab.transfer_params import Transfer

# What an entry says of its reference; p_mcnemar has a value for each pair of networks.
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
    """Runs that are summed up together: the seeds of an arm, or the draws at a point of a sweep."""

    name: str
    identities: list[Identity]
    net: str
    recipe: Recipe
    at: tuple[Point, Transfer] | None = None  # where it fine-tuned; None for an arm

    @property
    def classes(self) -> tuple[int, ...] | None:
        """Of the test digits; None for all."""
        return None if self.at is None else self.at[1].finetune_classes


@dataclass(frozen=True)
class Answers:
    """What one network says: of the test digits, and, if it was fine-tuned, of its sample, else
    how its confidence is calibrated."""

    probabilities: NDArray[np.float32]  # (test digits, classes)
    test_loss: float  # nats per digit
    train_loss: float | None = None  # with the final weights, in eval mode
    train_accuracy: float | None = None
    temperature: float | None = None  # fitted on validation digits
    scaled_calibration_error: float | None = None  # of the test digits, at this temperature

    @property
    def classes(self) -> NDArray[np.int64]:
        """What it takes the test digits for."""
        found: NDArray[np.int64] = self.probabilities.argmax(1)
        return found


@dataclass(frozen=True)
class Tested:
    """A group's entry in evaluation.json or transfer.json, and what is behind it."""

    entry: dict[str, Any]
    classes: dict[str, NDArray[np.int64]]  # by content key, what each network takes digits for
    labels: Labels  # what they are
    mistakes: Mistakes  # the most confident, of the network that is best on validation digits
    never_right: Mistakes  # of all its networks

    @property
    def right(self) -> list[NDArray[np.bool_]]:
        """Which of the test digits each network gets right."""
        return [classes == self.labels for classes in self.classes.values()]


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


def answer(task: tuple[Identity, Group]) -> Answers:
    """What the run's network says, in the precision of its recipe."""
    identity, group = task
    manifest = load_manifest()
    num_classes = manifest.num_classes if group.classes is None else len(group.classes)
    net = load_model(identity, group.net, num_classes=num_classes, image_size=manifest.image_size)
    precision = group.recipe.precision
    digits = test_digits(group)
    logits = predict(net, digits, manifest.statistics, precision=precision)
    probabilities = torch.softmax(logits, 1).numpy()
    test_loss = torch.nn.functional.cross_entropy(logits, digits.labels).item()
    if group.at is None or identity.draw is None:
        validation = load_digits("validation")
        fitted_on = predict(net, validation, manifest.statistics, precision=precision)
        temperature = fitted_temperature(fitted_on.numpy(), validation.labels.numpy())
        scaled = torch.softmax(logits / temperature, 1).numpy()
        error = calibration_error(scaled, digits.labels.numpy())
        return Answers(
            probabilities, test_loss, temperature=temperature, scaled_calibration_error=error
        )
    trained_on = sample(identity.draw, *group.at)
    logits = predict(net, trained_on, manifest.statistics, precision=precision)
    train_loss = torch.nn.functional.cross_entropy(logits, trained_on.labels).item()
    return Answers(probabilities, test_loss, train_loss, accuracy(logits, trained_on.labels))


def summary(
    group: Group, answers: list[Answers], labels: Labels, wrong: Mistakes, image_size: int
) -> dict[str, Any]:
    """The group's entry in evaluation.json or transfer.json; `wrong` is what none of its networks
    gets right. Accuracies and differences are fractions, losses nats per digit."""
    records = [record.read(identity) for identity in group.identities]
    counts = records[0].num_parameters
    accuracies = [float((each.classes == labels).mean()) for each in answers]
    interval = mean_interval(accuracies)
    num_classes = answers[0].probabilities.shape[1]
    counted = np.sum([confusion(a.classes, labels, num_classes) for a in answers], axis=0)
    net = zoo.build(group.net, num_classes=num_classes, seed=0, image_size=image_size)
    said = [each.probabilities for each in answers]
    return {
        "parameters": counts["total"],
        "trainable_parameters": counts["trainable"],
        "buffers": parameter_counts(net)["buffers"],
        "flops_per_image": flops_per_image(net, image_size),
        "seconds_per_epoch": seconds_per_epoch(group),
        "seeds": [identity.seed for identity in group.identities],
        **(calibrated(answers) if group.at is None else fine_tuned(group, answers)),
        "keys": [run.key for run in records],
        "validation_accuracy": [run.metrics["validation_accuracy"] for run in records],
        "test_accuracy": accuracies,
        # Of each network for itself: how far its accuracy may be off on other test digits.
        "test_interval": [
            list(wilson_interval(round(a * len(labels)), len(labels))) for a in accuracies
        ],
        "test_loss": [each.test_loss for each in answers],
        "test_digits": len(labels),
        "tested_in": computed_in(group.recipe.precision),
        "mean": float(np.mean(accuracies)),
        # A fraction is no less than 0 and no more than 1, though a t interval may be.
        "interval": None if interval is None else np.clip(interval, 0, 1).tolist(),
        "ensemble_accuracy": ensemble_accuracy(said, labels),
        "never_right": len(wrong.images),  # by none of the runs' networks
        "confusion": counted.tolist(),  # summed over the runs: rows are true classes
        "per_class_accuracy": per_class_accuracy(counted.tolist()),
        "calibration_errors": (
            errors := [calibration_error(each.probabilities, labels) for each in answers]
        ),
        "calibration_error": float(np.mean(errors)),  # the mean over the runs
        # Of the answers of all runs together.
        "reliability": asdict(
            reliability(
                np.concatenate([each.probabilities for each in answers]),
                np.tile(labels, len(answers)),
            )
        ),
    }


def calibrated(answers: list[Answers]) -> dict[str, Any]:
    """What only an arm's entry has: each network's temperature, and its calibration error there."""
    return {
        "temperatures": [each.temperature for each in answers],
        "scaled_calibration_errors": [each.scaled_calibration_error for each in answers],
    }


def fine_tuned(group: Group, answers: list[Answers]) -> dict[str, Any]:
    """What only a fine-tuned group's entry has: draws, and how well the sample itself is fitted."""
    return {
        "draws": [identity.draw for identity in group.identities],
        "train_accuracy": [each.train_accuracy for each in answers],
        "train_loss": [each.train_loss for each in answers],
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
    right: Mapping[str, list[NDArray[np.bool_]]],
) -> dict[str, dict[str, Any]]:
    """By entry, its paired difference to its reference, or None throughout; the p values of the t
    tests are corrected over all entries that have a reference. `right` says which test digits each
    of the entry's networks gets right."""
    found: dict[str, dict[str, Any]] = {name: dict.fromkeys(COMPARISON) for name in entries}
    for name, reference in references.items():
        difference = paired_difference(
            entries[name]["test_accuracy"], entries[reference]["test_accuracy"]
        )
        found[name] |= {
            "reference": reference,
            "difference": difference.mean,
            "difference_interval": difference.interval and list(difference.interval),
            "p_t": difference.p_t,
            "p_sign_flip": difference.p_sign_flip,
            "p_mcnemar": [
                mcnemar_test(one, other)
                for one, other in zip(right[name], right[reference], strict=True)
            ],
        }
    tested = [entry for entry in found.values() if entry["p_t"] is not None]
    for entry, p_holm in zip(tested, holm([entry["p_t"] for entry in tested]), strict=True):
        entry["p_holm"] = p_holm
    return found


def say(groups: Mapping[str, Group], tested: Mapping[str, Tested]) -> None:
    """Prints a table of the groups' accuracies."""
    entries = [(groups[name].name, found.entry) for name, found in tested.items()]
    rows = [
        (
            name,
            str(len(entry["test_accuracy"])),
            mean_percent(entry["validation_accuracy"]),
            percent(entry["mean"]),
            percent_interval(entry["interval"]),
        )
        for name, entry in entries
    ]
    click.echo(table(("means of", "runs", "validation", "test", "95 % t interval"), rows))


def evaluated(groups: Mapping[str, Group], manifest: Manifest) -> dict[str, Tested]:
    """Every group, tested, by name. Raises UserError if a run failed."""
    tasks = [(run, group) for group in groups.values() for run in group.identities]
    for run, _ in tasks:
        refuse_failed(run)
    answers_of_all = iter(fan_out(answer, tasks, unit="network"))
    found = {}
    for name, group in groups.items():
        answers = [next(answers_of_all) for _ in group.identities]
        labels = test_digits(group).labels.numpy()
        said = [each.probabilities for each in answers]
        wrong = never_right(said, labels)
        entry = summary(group, answers, labels, wrong, manifest.image_size)
        classes = [each.classes for each in answers]
        found[name] = Tested(
            entry,
            dict(zip(entry["keys"], classes, strict=True)),
            labels,
            most_confident(said[best_run(entry)], labels),
            wrong,
        )
    say(groups, found)
    return found
