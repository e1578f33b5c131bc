"""shown.py: what the page and the Markdown both show."""

from svhn_lab.params import load
from svhn_lab.stages.shown import contest_arms


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
