"""The transfer study's part of `evaluate`: the groups that are tested, the depth that is chosen,
and whether the lab report's explanations hold."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from svhn_lab.evidence.explanations import Expectation, Explanation, explained, slope
from svhn_lab.evidence.selection import deepest_within
from svhn_lab.params import Params
from svhn_lab.stages import diversity
from svhn_lab.stages.finetune import identities, whole
from svhn_lab.stages.groups import Group
from svhn_lab.stages.sweeps import Point, points, recipe, settings
from svhn_lab.tracking import record
from svhn_lab.transfer_params import MAIN_SWEEP, Transfer

Entries = Mapping[str, Mapping[str, Any]]


def name(point: Point) -> str:
    """What a point is called in transfer.json."""
    return f"{point.sweep}/{point.condition}"


def groups(params: Params) -> dict[str, Group]:
    """By name, the runs at every point of every sweep, then those pretrained on less."""
    transfer = params.transfer
    found = {
        name(point): Group(
            f"finetune/{name(point)}",
            identities(params, point),
            transfer.net,
            recipe(point, transfer),
            (point, transfer),
        )
        for sweep in transfer.sweeps
        for point in points(transfer, sweep)
    }
    here = diversity.point(transfer)
    for less in transfer.diversity.less:
        group = f"diversity/{diversity.name(less, transfer)}"
        runs = diversity.finetunings(params, less)
        found[group] = Group(group, runs, transfer.net, recipe(here, transfer), (here, transfer))
    return found


def made_by(group: Group) -> dict[str, Any]:
    """All settings of the group's runs, which `groups` has made."""
    assert group.at is not None
    about = settings(*group.at)
    del about["stage"]  # those pretrained on less have another
    return about | group.recipe.model_dump()


def main_points(transfer: Transfer) -> dict[int, str]:
    """By freeze depth, the names of the study's own points: sweep `front`, first sample size."""
    size = transfer.sample_sizes[0]
    return {p.number: name(p) for p in points(transfer, MAIN_SWEEP) if p.size == size}


def best(transfer: Transfer, entries: Entries) -> dict[str, Any]:
    """The chosen depth, and how it was chosen: on validation digits."""
    names = main_points(transfer)
    validation = {depth: entries[at]["validation_accuracy"] for depth, at in names.items()}
    means = {depth: float(np.mean(values)) for depth, values in validation.items()}
    chosen = deepest_within(validation, transfer.margin)
    return {
        "rule": "the deepest depth whose mean validation accuracy is within a margin of the best",
        "margin": transfer.margin,
        "depth": chosen,
        "point": names[chosen],
        "validation_accuracy": means[chosen],
        "highest": {"depth": max(means, key=lambda d: means[d]), "accuracy": max(means.values())},
        "mean": entries[names[chosen]]["mean"],
        "interval": entries[names[chosen]]["interval"],
    }


def described(params: Params, point: Point, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A point's entry in transfer.json: what it is, then its figures."""
    said = settings(point, params.transfer)
    return {
        "sweep": point.sweep,
        "setting": point.setting,
        "number": point.number,
        "size": point.size,
        "start": said["start"],
        "freezing": point.freezing,
        "norm_policy": said["norm_policy"],
        "epochs": recipe(point, params.transfer).epochs,
        "whole_key": record.read(whole(point)).key,
        **entry,
    }


def less_pretrained(transfer: Transfer, entries: Entries) -> dict[str, dict[str, Any]]:
    """The entries in transfer.json of what was pretrained on less."""
    return {
        group: {
            **entries[group],
            "whole_key": record.read(diversity.whole(less, transfer, "finetune")).key,
        }
        for less in transfer.diversity.less
        for group in [f"diversity/{diversity.name(less, transfer)}"]
    }


def explanations(
    params: Params, entries: Entries, probe: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """What the lab report says of why, with the verdict."""
    names = main_points(params.transfer)
    found = {
        "overfitting": overfitting(entries, names),
        "specificity": specificity(probe, entries[names[0]]["seeds"]),
    }
    if helped := pretraining_helps(params, entries, names):
        found["diversity"] = helped
    return explained(found)


def by_network(seeds: Sequence[int], values: Sequence[float] | NDArray[np.floating]) -> list[float]:
    """The means over the draws that share a pretrained network: draws of one network are not
    independent, those means are."""
    return [
        float(np.mean([value for value, of in zip(values, seeds, strict=True) if of == seed]))
        for seed in dict.fromkeys(seeds)
    ]


def overfitting(entries: Entries, names: Mapping[int, str]) -> Explanation:
    """Of nothing frozen against the depth that is best on validation among the others, by
    pretrained network."""
    others = {d: np.mean(entries[at]["validation_accuracy"]) for d, at in names.items() if d}
    depth = max(others, key=lambda d: others[d])
    shallow, deep = entries[names[0]], entries[names[depth]]
    seeds = shallow["seeds"]

    def gap(entry: Mapping[str, Any]) -> Any:
        return np.subtract(entry["test_loss"], entry["train_loss"])

    return Explanation(
        "With nothing frozen the network underperforms, because it overfits the few digits",
        {
            "underperforms": Expectation(
                f"Freeze depth {depth} has a higher test accuracy than depth 0",
                by_network(seeds, np.subtract(deep["test_accuracy"], shallow["test_accuracy"])),
                "points",
            ),
            "gap": Expectation(
                f"The gap between test and training loss is larger at depth 0 than at {depth}",
                by_network(seeds, gap(shallow) - gap(deep)),
                "nats",
            ),
        },
    )


def specificity(probe: Mapping[str, Any], seeds: Sequence[int]) -> Explanation:
    """How much a figure falls from one unit to the next, by pretrained network; `seeds` are those
    of the draws' networks."""
    units = probe["units"]

    def falls(figure: str) -> list[float]:
        by_unit = [probe[figure][str(unit)] for unit in units]
        return by_network(seeds, [-slope(units, values) for values in zip(*by_unit, strict=True)])

    return Explanation(
        "Features get more specific to the digits pretrained on, the deeper they lie",
        {
            "probe": Expectation(
                "Linear probes are less accurate on the new digits with depth: fall per unit",
                falls("probe_accuracy"),
                "points",
            ),
            "change": Expectation(
                "Fine-tuning changes deeper features more: fall of linear CKA per unit",
                falls("cka"),
                "CKA",
            ),
        },
    )


def pretraining_helps(
    params: Params, entries: Entries, names: Mapping[int, str]
) -> Explanation | None:
    """Whether it is the variety of what was pretrained on that helps; None if params.yaml has
    nothing to tell it by."""
    transfer = params.transfer
    less = {
        each: entries[f"diversity/{diversity.name(each, transfer)}"]
        for each in transfer.diversity.less
    }
    classes = {each: diversity.num_classes(each, transfer) for each in less}
    whole = entries[names[transfer.diversity.depth]]
    full, seeds = whole["test_accuracy"], whole["seeds"]
    expects = {}
    all_classes = {1.0: full} | {
        each.share: entry["test_accuracy"]
        for each, entry in less.items()
        if classes[each] == len(transfer.pretrain_classes)
    }
    if len(all_classes) > 1:
        doublings = [math.log2(share) for share in all_classes]
        expects["digits"] = Expectation(
            "More digits to pretrain on, of all classes, help: test accuracy per doubling",
            by_network(
                seeds, [slope(doublings, draw) for draw in zip(*all_classes.values(), strict=True)]
            ),
            "points",
        )
    for share in dict.fromkeys(each.share for each in less):
        by_classes = {classes[each]: entry for each, entry in less.items() if each.share == share}
        few, many = min(by_classes), max(by_classes)
        if few < many:
            expects[f"classes-{100 * share:g}"] = Expectation(
                f"{many} classes help more than {few}, with {100 * share:g} % of the digits",
                by_network(
                    seeds,
                    np.subtract(
                        by_classes[many]["test_accuracy"], by_classes[few]["test_accuracy"]
                    ),
                ),
                "points",
            )
    if not expects:
        return None
    return Explanation("Pretraining on many digits helps because they are more diverse", expects)
