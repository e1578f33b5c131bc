"""searched.py: what is shown of a search is of now."""

from pathlib import Path
from typing import Any

import pytest
from toy import change_params

from svhn_lab.params import load
from svhn_lab.stages.layout import SEARCH
from svhn_lab.stages.searched import searched
from svhn_lab.tracking.files import write_json

DATASET = {"digest": "d" * 32}


def trial(number: int, state: str, accuracy: float | None) -> dict[str, Any]:
    network = {"stem": 16, "both_polarities": True}
    return {"trial": number, "state": state, "validation_accuracy": accuracy, "network": network}


def leave_search() -> None:
    """As the search writes it by the settings of now."""
    params = load()
    settled = params.contests.settles_search(params.training, params.gate.max_parameters)
    write_json(SEARCH, {"dataset": DATASET, "settled": settled, "trials": TRIALS})


TRIALS = [trial(2, "complete", 0.9), trial(0, "fail", None), trial(1, "pruned", None)]


def test_a_search_is_shown_with_its_best_networks(project: Path) -> None:
    assert searched(load(), DATASET) is None
    leave_search()
    change_params(project, {"contests": {"search": {"trials": 99}}})
    assert searched(load(), DATASET) == {
        "tried": 3,
        "trained": 2,
        "choices": ["stem", "both_polarities"],
        "best": TRIALS[:1],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"epochs": 6}},
        {"gate": {"max_parameters": 100_000}},
        {"contests": {"search": {"seeds": [1]}}},
        {"contests": {"search": {"space": {"convs": [1]}}}},
        None,
    ],
)
def test_one_of_other_settings_or_digits_is_left_out(
    project: Path, change: dict[str, Any] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_search()
    digits = DATASET if change else {"digest": "e" * 32}
    change_params(project, change or {})
    assert searched(load(), digits) is None
    assert "search.json: left out" in capsys.readouterr().out


def test_one_that_does_not_tell_its_settings_is_left_out(project: Path) -> None:
    write_json(SEARCH, {"dataset": DATASET, "trials": TRIALS})
    assert searched(load(), DATASET) is None
