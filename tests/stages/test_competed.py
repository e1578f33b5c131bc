"""competed.py: only what params.yaml says now, on the digits of the lab, is taken."""

from pathlib import Path
from typing import Any

import pytest
from left import DATASET, leave_run
from toy import change_params

from svhn_lab.params import load
from svhn_lab.stages.competed import competed
from svhn_lab.stages.competitors import pretrained, teachers
from svhn_lab.stages.layout import CONTESTS
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import ADAPT, COMPETE, DISTIL, Identity

ARMS = ("fixed-polar", "free-preact-wide")


def leave_arm(arm: str, key: str) -> None:
    """A run of the arm with seed 0, as params.yaml has it."""
    leave_run(Identity(COMPETE, arm, 0), load().contests.arms[arm].model_dump(), key)


@pytest.fixture
def entries(project: Path) -> dict[str, Any]:
    """What the contests have found of two arms, whose runs lie beside it."""
    found = {arm: {"seeds": [0], "keys": [arm], "temperatures": [1.0]} for arm in ARMS}
    for arm in ARMS:
        leave_arm(arm, key=arm)
    write_json(CONTESTS, {"dataset": DATASET, "arms": found})
    return found


def test_what_is_current_is_taken(entries: dict[str, Any]) -> None:
    assert competed(load(), DATASET) == entries


def test_where_nobody_has_competed_nobody_has(project: Path) -> None:
    assert competed(load(), DATASET) == {}


def test_other_digits_do_not_count(
    entries: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert competed(load(), DATASET | {"digest": "e" * 32}) == {}
    assert "contests.json: left out, as it is of other digits" in capsys.readouterr().out


def test_who_learned_from_other_teachers_is_not_current(project: Path) -> None:
    pupil = Identity(DISTIL, "free-distilled-views", 0)
    params = load()
    the_teachers = teachers(params)
    of_teachers = params.contests.arms[params.contests.teachers].model_dump()
    keys = [f"teacher {teacher.seed}" for teacher in the_teachers]
    for teacher, key in zip(the_teachers, keys, strict=True):
        leave_run(teacher, of_teachers, key)
    taught = params.contests.distilled[pupil.arm].model_dump() | {"teachers": keys}
    leave_run(pupil, taught, key="pupil")
    entry = {"seeds": [0], "keys": ["pupil"], "temperatures": [1.0]}
    write_json(CONTESTS, {"dataset": DATASET, "arms": {pupil.arm: entry}})
    assert list(competed(load(), DATASET)) == [pupil.arm]
    leave_run(the_teachers[1], of_teachers, key="trained again")
    assert competed(load(), DATASET) == {}
    leave_run(the_teachers[1], of_teachers, key=keys[1])
    change_params(project, {"contests": {"seeds": [0, 1, 2]}})
    assert competed(load(), DATASET) == {}, "two of its teachers teach no more"
    change_params(project, {"contests": {"seeds": [0, 1, 2, 3, 4]}})
    assert list(competed(load(), DATASET)) == [pupil.arm]
    change_params(project, {"contests": {"arms": {the_teachers[0].arm: {"epochs": 2}}}})
    assert competed(load(), DATASET) == {}


def test_who_started_from_another_network_is_not_current(project: Path) -> None:
    adapted, params = Identity(ADAPT, "free-adapted-views", 0), load()
    start = pretrained(params, 0)
    settings = params.contests.arms[start.arm].model_dump()
    leave_run(start, settings, key="pretrained")
    recipe = params.contests.adapted[adapted.arm].model_dump()
    leave_run(adapted, recipe | {"pretrained_key": "pretrained"}, key="adapted")
    entry = {"seeds": [0], "keys": ["adapted"], "temperatures": [1.0]}
    write_json(CONTESTS, {"dataset": DATASET, "arms": {adapted.arm: entry}})
    assert list(competed(load(), DATASET)) == [adapted.arm]
    leave_run(start, settings, key="trained again")
    assert competed(load(), DATASET) == {}
    leave_run(start, settings, key="pretrained")
    change_params(project, {"contests": {"arms": {start.arm: {"epochs": 2}}}})
    assert competed(load(), DATASET) == {}


@pytest.mark.parametrize("why", ["recipe", "trained again", "older form", "gone"])
def test_what_is_not_current_is_left_out_and_said(
    entries: dict[str, Any], project: Path, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    wide = Identity(COMPETE, "free-preact-wide", 0)
    if why == "recipe":
        change_params(project, {"contests": {"arms": {wide.arm: {"epochs": 3}}}})
    elif why == "trained again":
        leave_arm(wide.arm, key="another")
    elif why == "older form":
        del entries[wide.arm]["temperatures"]
        write_json(CONTESTS, {"dataset": DATASET, "arms": entries})
    else:
        (record.RUNS / wide.path / "run.json").unlink()
    assert competed(load(), DATASET) == {"fixed-polar": entries["fixed-polar"]}
    assert (
        "an older version of the lab: free-preact-wide; `make contests`" in capsys.readouterr().out
    )


def test_a_run_from_before_a_setting_was_known_is_not_current(entries: dict[str, Any]) -> None:
    older = load().contests.arms["fixed-polar"].model_dump()
    del older["cutout"]
    leave_run(Identity(COMPETE, "fixed-polar", 0), older, key="fixed-polar")
    assert list(competed(load(), DATASET)) == ["free-preact-wide"]


def test_a_setting_of_all_recipes_counts(entries: dict[str, Any], project: Path) -> None:
    change_params(project, {"training": {"epochs": 6}})
    assert list(competed(load(), DATASET)) == ["free-preact-wide"]  # which has its own epochs
