"""How the lab's stages read what the contests have found. None of them depends on it, as the
contests run for hours: `make contests` runs again those that read it."""

from typing import Any

import click

from svhn_lab.errors import UserError
from svhn_lab.params import Params
from svhn_lab.stages import competitors
from svhn_lab.stages.layout import CONTESTS, CONTESTS_STAGE, read_json
from svhn_lab.tracking import record
from svhn_lab.tracking.record import Identity, Record


def competed(params: Params, dataset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Who has competed on just these digits and is what params.yaml says now: entries of
    contests.json by arm. Says whom it leaves out."""
    if not CONTESTS.exists():
        return {}
    found = read_json(CONTESTS, CONTESTS_STAGE)
    if found["dataset"] != dataset:
        click.echo(
            f"{CONTESTS}: left out, as it is of other digits than the lab's results; "
            "`make contests` trains and tests all on these"
        )
        return {}
    now = {arm: each for arm, each in found["arms"].items() if _is_now(params, arm, each)}
    if old := [arm for arm in found["arms"] if arm not in now]:
        click.echo(
            f"{CONTESTS}: left out, as they are not what params.yaml says now, were trained again "
            f"since, or are of an older version of the lab: {', '.join(old)}; `make contests` "
            "trains and tests what is out of date"
        )
    return now


def _is_now(params: Params, arm: str, entry: dict[str, Any]) -> bool:
    recipe = params.contests.competing.get(arm)
    if recipe is None or "temperatures" not in entry:  # from before contests.json had them
        return False
    try:
        stage = competitors.stage(params, arm)
        runs = [record.read(Identity(stage, arm, seed)) for seed in entry["seeds"]]
        if stage == record.DISTIL and not _taught_as_now(params, runs):
            return False
        if stage == record.ADAPT and not _adapted_as_now(params, runs):
            return False
    except UserError:  # of a run that is not on disk any more
        return False
    settings = recipe.model_dump() | {"stage": stage}
    return [run.key for run in runs] == entry["keys"] and all(
        run.was_made_by(settings) for run in runs
    )


def _taught_as_now(params: Params, runs: list[Record]) -> bool:
    settings = params.contests.arms[params.contests.teachers].model_dump()
    teachers = [record.read(teacher) for teacher in competitors.teachers(params)]
    keys = [teacher.key for teacher in teachers]
    return all(teacher.was_made_by(settings) for teacher in teachers) and all(
        run.params.get("teachers") == keys for run in runs
    )


def _adapted_as_now(params: Params, runs: list[Record]) -> bool:
    settings = params.contests.arms[params.contests.pretrained].model_dump()
    for run in runs:
        assert run.identity.seed is not None
        before = record.read(competitors.pretrained(params, run.identity.seed))
        if not before.was_made_by(settings) or run.params.get("pretrained_key") != before.key:
            return False
    return True
