"""competed.py: only what params.yaml says now, on the digits of the lab, is taken."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from toy import change_params

from svhn_lab.params import load
from svhn_lab.stages.competed import competed
from svhn_lab.stages.layout import CONTESTS
from svhn_lab.tracking import record
from svhn_lab.tracking.files import write_json
from svhn_lab.tracking.record import COMPETE, Identity, Record

DATASET = {"name": "rendered", "digest": "d" * 32}
ARMS = ("fixed-polar", "free-preact-wide")


def leave_run(arm: str, key: str) -> None:
    """A run of the arm with seed 0, as params.yaml has it."""
    run = Record(
        identity=Identity(COMPETE, arm, 0),
        key=key,
        params=load().contests.arms[arm].model_dump() | {"stage": COMPETE},
        dataset=DATASET,
        num_parameters={"total": 5, "trainable": 5, "layers": {}},
        metrics={"validation_accuracy": 0.75},
    )
    began = datetime(2026, 1, 2, tzinfo=UTC)
    record.write(run, record.provenance(began, 1.0, [1.0], ("c" * 40, False)))


@pytest.fixture
def entries(project: Path) -> dict[str, Any]:
    """What the contests have found of two arms, whose runs lie beside it."""
    found = {arm: {"seeds": [0], "keys": [arm]} for arm in ARMS}
    for arm in ARMS:
        leave_run(arm, key=arm)
    write_json(CONTESTS, {"dataset": DATASET, "arms": found})
    return found


def test_what_is_current_is_taken(entries: dict[str, Any]) -> None:
    assert competed(load(), DATASET) == entries


def test_where_nobody_has_competed_nobody_has(project: Path) -> None:
    assert competed(load(), DATASET) == {}


def test_other_digits_do_not_count(entries: dict[str, Any]) -> None:
    assert competed(load(), DATASET | {"digest": "e" * 32}) == {}


@pytest.mark.parametrize("why", ["recipe", "trained again", "gone"])
def test_what_is_not_current_is_left_out_and_said(
    entries: dict[str, Any], project: Path, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    wide = Identity(COMPETE, "free-preact-wide", 0)
    if why == "recipe":
        change_params(project, {"contests": {"arms": {wide.arm: {"epochs": 3}}}})
    elif why == "trained again":
        leave_run(wide.arm, key="another")
    else:
        (record.RUNS / wide.path / "run.json").unlink()
    assert competed(load(), DATASET) == {"fixed-polar": entries["fixed-polar"]}
    assert "left out, as they are not what params.yaml says now: free-preact-wide; `make co" in (
        capsys.readouterr().out
    )


def test_a_setting_of_all_recipes_counts(entries: dict[str, Any], project: Path) -> None:
    change_params(project, {"training": {"epochs": 6}})
    assert list(competed(load(), DATASET)) == ["free-preact-wide"]  # which has its own epochs
