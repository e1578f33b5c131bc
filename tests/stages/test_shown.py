"""shown.py: what the page and the Markdown both show."""

from pathlib import Path

import pytest
from entries import entry
from left import leave_run

from svhn_lab.errors import UserError
from svhn_lab.params import load
from svhn_lab.stages.shown import contest_arms, refuse_outdated, told_apart
from svhn_lab.tracking.record import Identity


def test_figures_of_other_runs_or_settings_than_those_of_now_are_refused(project: Path) -> None:
    run, entries = Identity("train", "baseline", 0), {"baseline": {"keys": ["k"]}}
    leave_run(run, {"epochs": 5, "net": "baseline", "seed": 0}, key="k")

    def refuse(entries: dict[str, dict[str, list[str]]], **settings: object) -> None:
        made = {"baseline": ([run], {"net": "baseline", "epochs": 5} | settings)}
        refuse_outdated(Path("results.json"), entries, made)

    refuse(entries)
    said = r"^results\.json: is of other arms, runs or settings .* with `dvc repro`$"
    with pytest.raises(UserError, match=said):
        refuse(entries, epochs=10)
    with pytest.raises(UserError, match=said):
        refuse({"baseline": {"keys": ["trained again since"]}})
    with pytest.raises(UserError, match=said):
        refuse({})
    with pytest.raises(UserError, match=said):
        refuse(entries | {"gone": {"keys": []}})


def test_who_has_competed_is_shown_with_what_it_changes_and_how_long_it_trained() -> None:
    found = {"seconds_per_epoch": 30.0, "num_views": 1}
    arms = {
        "fixed-preact": found,
        "fixed-polar-relu": found,
        "free-preact-wide": found,
        "free-distilled-views": found | {"num_views": 8},
        "free-adapted-views": found | {"num_views": 8},
    }
    shown = contest_arms(load(), arms)
    assert shown["fixed-preact"] == found | {
        "changes": "net preact",
        "taught_by": None,
        "pretrained": None,
        "minutes": 2.5,
    }
    relu = shown["fixed-polar-relu"]
    assert relu["changes"] == "net contests.ablations.relu; ReLU for GELU"
    assert shown["free-preact-wide"]["minutes"] == 25  # of its 50 epochs
    assert shown["free-preact-wide"]["changes"].startswith("net preact-wide, epochs 50")
    adapted = shown["free-adapted-views"]
    assert (adapted["taught_by"], adapted["pretrained"]) == (None, "free-polar-views")
    assert adapted["changes"].endswith(" with 8 views; adapted from free-polar-views")
    assert adapted["minutes"] == 1, "of its own two epochs"
    student = shown["free-distilled-views"]
    assert student["taught_by"] == "free-polar-views"
    assert student["changes"].endswith(
        "; test-time augmentation with 8 views; distilled from free-polar-views"
    )


def test_arms_are_told_from_their_references_by_the_interval_of_the_difference() -> None:
    def compared(low: float, high: float, p_holm: float) -> dict[str, object]:
        return entry(0.9, reference="base", difference_interval=[low, high], p_holm=p_holm)

    arms = {
        "base": entry(0.9),
        "up": compared(0.001, 0.01, 0.3),
        "down": compared(-0.01, -0.005, 0.01),
        "either": compared(-0.01, 0.01, 1.0),
        "one-seed": entry(0.9, reference="base"),
    }
    assert told_apart(arms) == {
        "better": ["up"],
        "worse": ["down"],
        "not told": ["either", "one-seed"],
        "corrected": ["down"],
    }
