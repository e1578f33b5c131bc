"""shown.py: what is shown is of now."""

from pathlib import Path
from typing import Any

from toy import change_params

from svhn_lab.params import load
from svhn_lab.stages.layout import SEARCH
from svhn_lab.stages.shown import contest_arms, searched
from svhn_lab.tracking.files import write_json

DATASET = {"digest": "d" * 32}


def trial(number: int, state: str, accuracy: float | None) -> dict[str, Any]:
    choice = {"stem": 16, "both_polarities": True}
    return {"trial": number, "state": state, "validation_accuracy": accuracy, "choice": choice}


def test_a_search_is_shown_as_long_as_its_digits_and_settings_are_those_of_now(
    project: Path,
) -> None:
    params = load()
    assert searched(params, DATASET) is None
    trials = [trial(2, "complete", 0.9), trial(0, "fail", None), trial(1, "pruned", None)]
    found = {"dataset": DATASET, "training": params.training.model_dump(), "trials": trials}
    write_json(SEARCH, found)
    assert searched(params, DATASET) == {
        "tried": 3,
        "trained": 2,
        "choices": ["stem", "both_polarities"],
        "best": trials[:1],
    }
    assert searched(params, {"digest": "e" * 32}) is None
    change_params(project, {"training": {"epochs": 6}})
    assert searched(load(), DATASET) is None


def test_who_has_competed_is_shown_with_what_it_changes_and_how_long_it_trained() -> None:
    entry = {"seconds_per_epoch": 30.0}
    arms = ("fixed-polar", "free-preact-wide", "free-distilled-sizes")
    shown = contest_arms(load(), dict.fromkeys(arms, entry))
    assert shown["fixed-polar"] == entry | {
        "changes": "net polar",
        "taught_by": None,
        "minutes": 2.5,
    }
    assert shown["free-preact-wide"]["minutes"] == 25  # of its 50 epochs
    assert shown["free-preact-wide"]["changes"].startswith("net preact-wide, epochs 50")
    assert shown["free-distilled-sizes"]["taught_by"] == "free-polar-sizes"
