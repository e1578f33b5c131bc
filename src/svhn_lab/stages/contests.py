"""`contests` (contests/dvc.yaml): tests who has competed, once, on the last epoch's weights, as
`evaluate` does with the lab's own arms; nothing is chosen by it."""

from svhn_lab.nets.zoo import architecture
from svhn_lab.params import Params, load
from svhn_lab.stages import competitors
from svhn_lab.stages.answers import save_answers
from svhn_lab.stages.groups import Group, comparisons, evaluated
from svhn_lab.stages.layout import CONTESTS, CONTESTS_ANSWERS, CONTESTS_MISTAKES
from svhn_lab.stages.mirroring import mirror_all
from svhn_lab.stages.prepared import load_digits, load_manifest, tested_dataset
from svhn_lab.stages.runs import sum_up
from svhn_lab.stages.saved_mistakes import save_mistakes
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import Identity


def groups(params: Params) -> dict[str, Group]:
    """By arm, its runs."""
    return {
        name: Group(f"contests/{name}", competitors.identities(params, name), arm.net, arm)
        for name, arm in params.contests.competing.items()
    }


def whole(arm: str) -> Identity:
    """The run that stands for all seeds of an arm."""
    return Identity(record.CONTESTS, arm)


def main() -> None:
    """Writes results/contests.json, in the form of evaluation.json, the answers behind it, the
    digits that none of an arm's networks gets right, and the runs that stand for the arms; brings
    MLflow up to date."""
    params = load()
    manifest = load_manifest()
    competing = groups(params)
    tested = evaluated(competing, manifest)
    entries = {name: found.entry for name, found in tested.items()}
    right = {name: found.right for name, found in tested.items()}
    compared = comparisons(params.contests.references, entries, right)
    for name, entry in entries.items():
        about = {"stage": record.CONTESTS, "arm": name}
        about |= params.contests.competing[name].model_dump()
        if name in params.contests.distilled:
            about["taught_by"] = params.contests.teachers
        if name in params.contests.adapted:
            about["pretrained"] = params.contests.pretrained
        sum_up(whole(name), competing[name].identities, about)
        runs = [record.read(identity) for identity in competing[name].identities]
        entry["threads"] = sorted({run.params["threads"] for run in runs})
        entry["num_views"] = architecture(params.contests.competing[name].net).num_views
        entry |= compared[name]
        entry["whole_key"] = record.read(whole(name)).key
    digits = load_digits("test")
    classes = (found.classes for found in tested.values())
    save_answers(CONTESTS_ANSWERS, digits.labels.numpy(), classes)
    never_right = {name: found.never_right for name, found in tested.items()}
    images, labels = digits.images.numpy(), digits.labels.numpy()
    save_mistakes(CONTESTS_MISTAKES, never_right, images, labels)
    write_json(CONTESTS, {"dataset": tested_dataset(manifest), "arms": entries})
    mirror_all()
